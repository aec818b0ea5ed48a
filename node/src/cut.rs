//! What of the records a caller sees. Every path that reads or changes records opens them here and nowhere else: lists and
//! searches, one record by its id, and what a screening shows of a lookout on primary.

use std::fmt;
use std::sync::Arc;

use model::access::admit::{Hidden, Labelled, Seen, Visible, admit, show, without_gate};
use model::access::denial::Denial;
use model::access::function::Function;
use model::access::grants::{Grants, visible};
use model::envelope::Caller;
use search::Sought;

use crate::gate::Second;

/// What a caller sees, of one moment of the directory.
#[derive(Debug, Clone)]
pub enum Cut {
    /// Everything: on a node without a gate, which is plain text on loopback, comparisons and simulated worlds without one.
    Ungated,
    /// What his grants open, and by the function that he asks with what is on primary.
    Gated { grants: Arc<Grants>, function: Function, second: Option<Arc<Second>> },
}

impl Cut {
    /// What an index is asked for: nobody sees more of it than this. On primary every lookout shows at least its action, and
    /// all that are in force are on primary, so that a question there is as much work whatever the officer may see.
    pub fn sought(&self) -> Sought<'_> {
        match self {
            Self::Ungated | Self::Gated { function: Function::PrimaryQuery, .. } => Sought::All,
            Self::Gated { grants, .. } => Sought::Of(grants),
        }
    }

    /// Opens a record that is read whole. Why not is for the audit alone.
    pub fn admit<T: Labelled>(&self, hidden: Hidden<T>) -> Result<Visible<T>, Denial> {
        match self {
            Self::Ungated => Ok(without_gate(hidden)),
            Self::Gated { grants, second, .. } => {
                look(second, grants, &hidden);
                admit(grants, hidden)
            }
        }
    }

    /// Opens as much of a record as a question may show that finds it.
    pub fn show<T: Labelled>(&self, hidden: Hidden<T>, on_primary: bool) -> Seen<T> {
        match self {
            Self::Ungated => Seen::Full(without_gate(hidden)),
            Self::Gated { grants, function, second } => {
                look(second, grants, &hidden);
                show(grants, hidden, on_primary, *function)
            }
        }
    }

    /// Whether everything is seen whole.
    pub fn is_ungated(&self) -> bool {
        matches!(self, Self::Ungated)
    }
}

fn look<T: Labelled>(second: &Option<Arc<Second>>, grants: &Grants, hidden: &Hidden<T>) {
    if let Some(second) = second {
        second.look(|| hidden.labels(), |labels| visible(grants, labels));
    }
}

type CutOf = dyn Fn(&Caller) -> Cut + Send + Sync;

/// What the callers of a node see, by who they are: nobody's sight is cut unless somebody says so.
#[derive(Clone, Default)]
pub struct Cuts(Option<Arc<CutOf>>);

impl Cuts {
    /// Each caller sees what this says.
    pub fn by(cut: impl Fn(&Caller) -> Cut + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(cut)))
    }

    /// What a caller sees.
    pub fn of(&self, caller: &Caller) -> Cut {
        self.0.as_ref().map_or(Cut::Ungated, |cut| cut(caller))
    }
}

impl fmt::Debug for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Cuts(by caller)" } else { "Cuts(none)" })
    }
}
