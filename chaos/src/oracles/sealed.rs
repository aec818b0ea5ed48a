//! Sealed: what is sealed anew under a newer key is what it was, and opens: no key is lost that something stands under.

use model::seal::Scope;

use super::{Case, Findings};

pub(super) fn judge(case: &Case<'_>) -> Findings {
    let (mut found, now) = (Vec::new(), case.run.trace.now_ms());
    for ((id, number), first) in &case.seen.versions {
        let Some(last) = case.seen.stored.get(&(*id, *number)) else { continue };
        let header = &first.record.header;
        if *header != last.header {
            found.push((now, format!("version {number} of {id} is no longer what it was")));
            continue;
        }
        let open = |sealed| case.keyring.open(Scope::Record(header.dataset, *id), sealed);
        match (open(&first.record.sealed), open(&last.sealed)) {
            (Ok(first), Ok(last)) if first == last => {}
            (Ok(_), Ok(_)) => found.push((now, format!("version {number} of {id} was sealed anew as something else"))),
            (Err(error), _) | (_, Err(error)) => found.push((now, format!("version {number} of {id}: {error}"))),
        }
        if first.record.sealed != last.sealed {
            case.run.trace.mark("sealed anew");
        }
    }
    found
}
