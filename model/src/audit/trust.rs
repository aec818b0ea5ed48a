//! Whom a verifier believes (C2SP tlog-policy): logs, witnesses, and how many of which witnesses must have cosigned. One text serves
//! the auditor who verifies, the node that asks its witnesses, and tools that are not ours.

use std::collections::BTreeSet;

use super::checkpoint::{Checkpoint, Malformed};
use super::note::{Note, NoteError, SignatureKind, VerifierKey};

/// Lines of a policy at most.
const LINES_MAX: usize = 1_000;
/// The quorum that asks for no witness.
const NONE: &str = "none";

/// A log that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub key: VerifierKey,
    pub url: Option<String>,
}

/// A witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its name in the policy alone.
    pub name: String,
    pub key: VerifierKey,
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    name: String,
    needed: usize,
    members: Vec<String>,
}

/// A policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    groups: Vec<Group>,
    /// None: no witness is needed.
    quorum: Option<String>,
}

/// Why a policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct PolicyError {
    pub line: usize,
    pub reason: String,
}

/// Why a checkpoint is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    #[error(transparent)]
    Note(#[from] NoteError),
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("the checkpoint is of {0}, a log that the policy does not name")]
    Origin(String),
    #[error("the checkpoint lacks cosignatures: of the witnesses {found:?} have cosigned, and `{quorum}` is needed")]
    Witnesses { quorum: String, found: Vec<String> },
}

/// A checkpoint that is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Believed {
    pub checkpoint: Checkpoint,
    /// The witnesses that cosigned it, each with the time in seconds.
    pub cosigned: Vec<(String, u64)>,
}

impl Trust {
    /// Believes one log, without witnesses.
    pub fn of_log(key: VerifierKey) -> Self {
        Self { logs: vec![Log { key, url: None }], ..Self::default() }
    }

    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let (mut trust, mut quorum) = (Self::default(), None);
        for (line, text) in (1..).zip(text.lines()) {
            let bad = |reason: String| PolicyError { line, reason };
            if line > LINES_MAX {
                return Err(bad(format!("a policy has at most {LINES_MAX} lines")));
            }
            if text.chars().any(|c| c.is_control() && c != '\t') {
                return Err(bad("it has control characters".into()));
            }
            let words: Vec<&str> = text.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            match &words[..] {
                [] => {}
                [first, ..] if first.starts_with('#') => {}
                ["log", key, url @ ..] if url.len() <= 1 => trust.take_log(key, url).map_err(bad)?,
                ["witness", name, key, url @ ..] if url.len() <= 1 => trust.take_witness(name, key, url).map_err(bad)?,
                ["group", name, needed, members @ ..] => trust.take_group(name, needed, members).map_err(bad)?,
                ["quorum", name] => {
                    if quorum.is_some() {
                        return Err(bad("there is one quorum line already".into()));
                    }
                    if *name != NONE && !trust.defines(name) {
                        return Err(bad(format!("`{name}` is no witness or group of the lines before")));
                    }
                    quorum = Some(name.to_string());
                }
                _ => return Err(bad("expected `log KEY [URL]`, `witness NAME KEY [URL]`, `group NAME all|any|N NAME...` or `quorum NAME`".into())),
            }
        }
        let quorum =
            quorum.ok_or(PolicyError { line: text.lines().count(), reason: "there is no quorum line".into() })?;
        trust.quorum = Some(quorum).filter(|name| name != NONE);
        Ok(trust)
    }

    fn defines(&self, name: &str) -> bool {
        self.witnesses.iter().any(|witness| witness.name == name) || self.groups.iter().any(|group| group.name == name)
    }

    fn is_free(&self, name: &str) -> Result<(), String> {
        if name == NONE || self.defines(name) { Err(format!("the name `{name}` is taken")) } else { Ok(()) }
    }

    fn take_log(&mut self, key: &str, url: &[&str]) -> Result<(), String> {
        let key = self.key(key, SignatureKind::Log)?;
        self.logs.push(Log { key, url: url.first().map(ToString::to_string) });
        Ok(())
    }

    fn take_witness(&mut self, name: &str, key: &str, url: &[&str]) -> Result<(), String> {
        self.is_free(name)?;
        let key = self.key(key, SignatureKind::Cosignature)?;
        self.witnesses.push(Witness { name: name.to_string(), key, url: url.first().map(ToString::to_string) });
        Ok(())
    }

    fn key(&self, text: &str, kind: SignatureKind) -> Result<VerifierKey, String> {
        let key = VerifierKey::parse(text).map_err(|error| error.to_string())?;
        if key.kind() != kind {
            return Err(format!("the key of {} is not of the kind that {kind} has", key.name()));
        }
        let mut known = self.logs.iter().map(|log| &log.key).chain(self.witnesses.iter().map(|witness| &witness.key));
        match known.find(|known| known.is_same_key(&key)) {
            Some(other) => Err(format!("the key of {} is that of {}", key.name(), other.name())),
            None => Ok(key),
        }
    }

    fn take_group(&mut self, name: &str, needed: &str, members: &[&str]) -> Result<(), String> {
        self.is_free(name)?;
        let mut named = BTreeSet::new();
        for member in members {
            if !self.defines(member) {
                return Err(format!("`{member}` is no witness or group of the lines before"));
            }
            let elsewhere = self.groups.iter().any(|group| group.members.iter().any(|other| other == member));
            if elsewhere || !named.insert(*member) {
                return Err(format!("`{member}` is a member already, and may be one once"));
            }
        }
        let needed = match needed {
            "any" => 1,
            "all" => members.len(),
            number => number.parse().map_err(|_| format!("`{number}` is neither a number nor `all` nor `any`"))?,
        };
        if needed == 0 || needed > members.len() {
            return Err(format!("of {} members {needed} cannot be needed", members.len()));
        }
        let members = members.iter().map(ToString::to_string).collect();
        self.groups.push(Group { name: name.to_string(), needed, members });
        Ok(())
    }

    /// The logs.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Who of the witnesses cosigned; an error where a signature is forged.
    pub fn cosigned(&self, note: &Note) -> Result<Vec<(String, u64)>, NoteError> {
        let mut cosigned = Vec::new();
        for witness in &self.witnesses {
            match witness.key.verify(note) {
                Ok(time) => cosigned.push((witness.name.clone(), time.unwrap_or_default())),
                Err(NoteError::Unsigned(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(cosigned)
    }

    /// Whether these witnesses are enough.
    pub fn suffices(&self, cosigned: &[(String, u64)]) -> bool {
        let Some(quorum) = &self.quorum else { return true };
        let mut seen: BTreeSet<&str> = cosigned.iter().map(|(name, _)| name.as_str()).collect();
        // A group stands behind its members, so that one pass is enough.
        for group in &self.groups {
            if group.members.iter().filter(|member| seen.contains(member.as_str())).count() >= group.needed {
                seen.insert(&group.name);
            }
        }
        seen.contains(quorum.as_str())
    }

    /// Checks who signed a checkpoint.
    pub fn check(&self, note: &Note) -> Result<Believed, TrustError> {
        let checkpoint = Checkpoint::parse(&note.text)?;
        let mut logs = self.logs.iter().filter(|log| log.key.name() == checkpoint.origin).peekable();
        if logs.peek().is_none() {
            return Err(TrustError::Origin(checkpoint.origin));
        }
        // A log may have one key after another; its checkpoint is signed by one of them.
        let mut unsigned = None;
        let signed = logs.find_map(|log| match log.key.verify(note) {
            Ok(_) => Some(Ok(())),
            Err(error @ NoteError::Unsigned(_)) => {
                unsigned = Some(error);
                None
            }
            Err(error) => Some(Err(error)),
        });
        match (signed, unsigned) {
            (Some(signed), _) => signed?,
            (None, Some(unsigned)) => return Err(unsigned.into()),
            (None, None) => return Err(TrustError::Origin(checkpoint.origin)),
        }
        let cosigned = self.cosigned(note)?;
        if !self.suffices(&cosigned) {
            let found = cosigned.into_iter().map(|(name, _)| name).collect();
            return Err(TrustError::Witnesses { quorum: self.quorum.clone().unwrap_or_default(), found });
        }
        Ok(Believed { checkpoint, cosigned })
    }
}

impl std::fmt::Display for SignatureKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Log => "a log",
            Self::Cosignature => "a witness",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::note::SignerKey;
    use super::*;

    const ORIGIN: &str = "log.example/audit-0";

    fn log(seed: u8) -> SignerKey {
        SignerKey::new(ORIGIN, SignatureKind::Log, &[seed; 32]).expect("named")
    }

    fn witness(seed: u8) -> SignerKey {
        SignerKey::new(&format!("w{seed}.example"), SignatureKind::Cosignature, &[seed; 32]).expect("named")
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint { origin: ORIGIN.into(), size: 9, root: [5; 32] }
    }

    fn policy(lines: &str) -> String {
        let witnesses: String = (2..5).map(|seed| format!("witness w{seed} {}\n", witness(seed).verifier())).collect();
        format!("# of the tests\n\nlog {} http://log.example/\n{witnesses}{lines}", log(1).verifier())
    }

    #[test]
    fn a_checkpoint_is_believed_with_its_log_and_the_witnesses_that_the_policy_asks_for() {
        let (nested, stranger) = ("group pair all w2 w3\n\tgroup either any pair w4 \nquorum either\n", witness(9));
        for (lines, cosigners, enough) in [
            ("quorum none", &[][..], true),
            ("quorum w3", &[2], false),
            ("quorum w3", &[3], true),
            ("group two 2 w2 w3 w4\nquorum two", &[2, 4], true),
            ("group two 2 w2 w3 w4\nquorum two", &[4], false),
            (nested, &[2], false),
            (nested, &[2, 3], true),
            (nested, &[4], true),
        ] {
            let trust = Trust::parse(&policy(lines)).expect("a policy");
            let note = checkpoint().signed(&log(1));
            let text = note.text.clone();
            let note = cosigners.iter().fold(note, |note, seed| note.with(witness(*seed).sign(&text, 7)));
            let note = note.with(stranger.sign(&text, 7));
            match trust.check(&note) {
                Ok(believed) => {
                    let names = cosigners.iter().map(|seed| (format!("w{seed}"), 7)).collect();
                    assert_eq!(
                        (enough, believed),
                        (true, Believed { checkpoint: checkpoint(), cosigned: names }),
                        "{lines}"
                    );
                }
                Err(error) => assert!(!enough && matches!(error, TrustError::Witnesses { .. }), "{lines}: {error}"),
            }
        }
    }

    #[test]
    fn a_checkpoint_of_another_log_or_key_is_not_believed_nor_one_with_a_forged_cosignature() {
        let trust = Trust::parse(&policy("quorum none")).expect("a policy");
        let other = Checkpoint { origin: "log.example/audit-1".into(), ..checkpoint() }.signed(&log(1));
        assert!(matches!(trust.check(&other), Err(TrustError::Origin(_))));
        assert!(matches!(trust.check(&checkpoint().signed(&log(2))), Err(TrustError::Note(NoteError::Unsigned(_)))));
        let mut forged = witness(2).sign(&checkpoint().text(), 7);
        forged.bytes[70] ^= 1;
        let note = checkpoint().signed(&log(1)).with(forged);
        assert_eq!(trust.check(&note), Err(TrustError::Note(NoteError::Forged("w2.example".into()))));
        // A log that has changed its key is believed under both.
        let both = policy(&format!("log {}\nquorum none", log(6).verifier()));
        let both = Trust::parse(&both).expect("a policy");
        assert!(both.check(&checkpoint().signed(&log(6))).is_ok() && both.check(&checkpoint().signed(&log(1))).is_ok());
    }

    #[test]
    fn what_is_no_policy_is_refused_with_its_line() {
        let again = format!("witness w9 {}\nquorum none", witness(2).verifier());
        for (lines, part) in [
            ("", "no quorum line"),
            ("quorum none\nquorum w2", "one quorum line already"),
            ("quorum w7", "no witness or group"),
            ("group g all w7\nquorum g", "no witness or group"),
            ("group g 4 w2 w3 w4\nquorum g", "cannot be needed"),
            ("group g 0 w2\nquorum g", "cannot be needed"),
            ("group g any\nquorum g", "cannot be needed"),
            ("group g some w2\nquorum g", "neither a number"),
            ("group g any w2 w2\nquorum g", "may be one once"),
            ("group g any w2\ngroup h any w2\nquorum h", "may be one once"),
            ("group w2 any w3\nquorum w2", "is taken"),
            ("group none any w3\nquorum none", "is taken"),
            ("log x\nquorum none", "malformed"),
            ("log\nquorum none", "expected"),
            ("quorum none\u{1}", "control characters"),
            (&again, "is that of w2.example"),
        ] {
            let error = Trust::parse(&policy(lines)).expect_err(lines);
            assert!(error.to_string().contains(part) && error.to_string().starts_with("line "), "{lines}: {error}");
        }
        let swapped = format!("log {}\nquorum none", witness(2).verifier());
        assert!(Trust::parse(&swapped).is_err_and(|error| error.reason.contains("a log has")));
    }
}
