//! `lookout create`, `lookout update`, `lookout remove`.

use client::{Client, v1};
use model::access::function::Function;
use model::access::labels::Label;
use model::error::Invalid;
use model::ids::RequestId;
use model::ssn;

use crate::commands::lookout_fields::Fields;
use crate::context::Globals;
use crate::error::CliError;
use crate::view::lookout::Lookout;
use crate::view::record::Change;

/// Flags of `lookout create`.
#[derive(Debug, clap::Args)]
#[command(after_help = CREATE_HELP)]
pub struct Create {
    #[command(flatten)]
    pub fields: Fields,
    /// Access level: 1, 3 or 4; 1 if left out.
    #[arg(long, value_name = "L", default_value = "", hide_default_value = true)]
    pub level: String,
    /// Who may see it (repeatable): at level 3 a class of your agency, `C:CBP/gangs` or `C:agency:CBP` for all its members, who
    /// alone see it if left out; at level 4 a user beside you, `U:smith`. None at level 1.
    #[arg(long, value_name = "LABEL")]
    pub label: Vec<String>,
    #[command(flatten)]
    pub once: Once,
}

const CREATE_HELP: &str = r#"Examples:
  portcullis lookout create --name "Ivan Petrov" --alias "Vanya" --dob 1970-01-02 --nationality RUS \
    --document passport:P1234567:RUS --action refer --reason "warrant 17/2025"
  portcullis lookout create --subject vehicle --plate "AB 1234:TX" --action refer --reason stolen
  portcullis lookout create --name "Anna Eriksson" --document passport:L898902C3:SWE:stolen --action refer --reason "stolen passport"
  portcullis lookout create --name "Ivan Petrov" --action refer --reason "case 17/2025" --level 3 --label C:CBP/gangs
JSON: {"id","version","change","request_id"} and, where a VIN, IMO number, MMSI or Mode S address looks wrong,
"warnings":[{"field","text"}]; it is stored all the same. Exit code 5 means that the outcome is unknown: repeat the command with
--request-id and the id shown; it is applied once."#;

/// Flags of `lookout update`.
#[derive(Debug, clap::Args)]
#[command(after_help = "A flag that is given replaces all values of its field; the others stay.\n\nExample:\n  \
                        portcullis lookout update ID --expected-version 1 --action armed-and-dangerous")]
pub struct Update {
    /// The lookout's id.
    pub id: String,
    /// The version that you saw; if another one is there by now, nothing is changed (exit code 7).
    #[arg(long, value_name = "V")]
    pub expected_version: u64,
    #[command(flatten)]
    pub fields: Fields,
    #[command(flatten)]
    pub once: Once,
}

/// Flags of `lookout remove`.
#[derive(Debug, clap::Args)]
pub struct Remove {
    /// The lookout's id.
    pub id: String,
    /// The version that you saw; whichever is there if left out.
    #[arg(long, value_name = "V", default_value_t = 0, hide_default_value = true)]
    pub expected_version: u64,
    #[command(flatten)]
    pub once: Once,
}

/// What makes a write happen once.
#[derive(Debug, Default, clap::Args)]
pub struct Once {
    /// Repeats an earlier write whose outcome is unknown: 32 hexadecimal digits.
    #[arg(long, value_name = "HEX")]
    pub request_id: Option<RequestId>,
}

impl Once {
    /// The request id to send under: the one that is repeated, or a new one.
    pub fn id(&self, client: &Client) -> String {
        self.request_id.unwrap_or_else(|| client.new_request_id()).to_string()
    }
}

/// Creates.
pub async fn create(globals: &Globals, args: Create) -> Result<(), CliError> {
    let Create { fields, level, label: labels, once } = args;
    for label in &labels {
        label_of(label)?;
    }
    let mut lookout = fields.file()?.unwrap_or_else(|| Lookout { subject: "person".into(), ..Lookout::default() });
    fields.apply(&mut lookout)?;
    let lookout = checked(lookout)?;
    let client = globals.client_for(Function::LookoutCreate)?;
    let request_id = once.id(&client);
    let message = v1::CreateLookoutRequest { request_id: request_id.clone(), lookout: Some(lookout), level, labels };
    let change = Change::new(client.create_lookout(message).await?, request_id);
    globals.output.show(&change, Change::to_text)
}

/// Reads, changes, writes; the expected version sees to it that nothing came between.
pub async fn update(globals: &Globals, args: Update) -> Result<(), CliError> {
    let Update { id, expected_version, fields, once } = args;
    let client = globals.client_for(Function::LookoutUpdate)?;
    let mut lookout = match fields.file()? {
        Some(lookout) => lookout,
        // The version that the user saw, so that a repeated update after an unknown outcome sends the same content.
        None => {
            let message = v1::GetLookoutRequest { id: id.clone(), version: expected_version };
            client.get_lookout(message).await?.lookout.unwrap_or_default().into()
        }
    };
    fields.apply(&mut lookout)?;
    let lookout = Some(checked(lookout)?);
    let request_id = once.id(&client);
    let message = v1::UpdateLookoutRequest { request_id: request_id.clone(), id, expected_version, lookout };
    let change = Change::new(client.update_lookout(message).await?, request_id);
    globals.output.show(&change, Change::to_text)
}

/// Takes out of force.
pub async fn remove(globals: &Globals, args: Remove) -> Result<(), CliError> {
    let Remove { id, expected_version, once } = args;
    let client = globals.client_for(Function::LookoutRemove)?;
    let request_id = once.id(&client);
    let message = v1::RemoveLookoutRequest { request_id: request_id.clone(), id, expected_version };
    let change = Change::new(client.remove_lookout(message).await?, request_id);
    globals.output.show(&change, Change::to_text)
}

/// A label that a record may have; whether it goes with the level and the agency is for the node to say.
fn label_of(text: &str) -> Result<Label, Invalid> {
    let wrong = |reason: String| Invalid::new("label", format!("`{text}` {reason}"));
    match text.parse() {
        Ok(label @ (Label::Class(_) | Label::User(_))) => Ok(label),
        _ => Err(wrong("is neither a class, such as C:CBP/gangs, nor a user, such as U:smith".into())),
    }
}

/// Reads as a number of social security.
const ANY_SSN: &str = "123456789";

/// Checks content by the rules before anything is sent, so that a wrong flag is named at once.
fn checked(lookout: Lookout) -> Result<v1::Lookout, CliError> {
    let message = v1::Lookout::from(lookout);
    let mut whole = message.clone();
    // What was shown by its last four digits stands for the number that the node has.
    let masked = whole.documents.iter_mut().filter(|document| ssn::is_masked(&document.number));
    masked.for_each(|document| document.number = ANY_SSN.to_string());
    client::convert::lookout_from(whole)?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_classes_and_users() {
        for label in ["C:CBP/gangs", "C:agency:CBP", "U:smith"] {
            assert_eq!(label_of(label).map(|label| label.to_string()), Ok(label.to_string()));
        }
        for label in ["", "CBP/gangs", "L1", "D:tecs", "C:", "U:a b", "c:CBP"] {
            let error = label_of(label).expect_err(label).to_string();
            assert!(error.starts_with(&format!("label: `{label}` is neither a class")), "{error}");
        }
    }

    #[test]
    fn content_is_checked_before_anything_is_sent() {
        let wrong = |change: fn(&mut Lookout)| {
            let mut lookout = Lookout { subject: "person".into(), action: "refer".into(), ..Lookout::default() };
            lookout.reason = "r".into();
            lookout.names.push(crate::view::lookout::Name {
                kind: "primary".into(),
                full: "A".into(),
                ..Default::default()
            });
            change(&mut lookout);
            checked(lookout).map(|_| ()).map_err(|error| error.to_string())
        };
        assert_eq!(wrong(|_| {}), Ok(()));
        for (change, text) in [
            ((|lookout| lookout.action = "shoot".into()) as fn(&mut Lookout), "action: unknown code; use one of refer"),
            (|lookout| lookout.birth_dates.push("1970-13-01".into()), "month 13"),
            (|lookout| lookout.reason = String::new(), "reason: is empty"),
            (|lookout| lookout.names.clear(), "a lookout needs a name"),
        ] {
            let error = wrong(change).expect_err(text);
            assert!(error.contains(text), "{error}");
        }
    }
}
