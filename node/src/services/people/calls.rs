//! The calls about people and powers: name, kind of event, and the function that each asks for. One table.

use model::access::function::Function;
use model::audit::event::EventKind;
use proto::v1 as message;
use proto::v1::change_user_request::Change;

use crate::gate::Need;
use crate::services::Call;

macro_rules! calls {
    ($($call:ident = $name:literal, $kind:ident, $function:ident;)+) => {
        $(pub(super) const $call: Call = Call { name: $name, kind: EventKind::$kind, need: Need::Function(Function::$function) };)+
    };
}

calls! {
    USER_REQUEST = "user_request", UserRequest, UserRequest;
    USER_APPROVE = "user_approve", UserApprove, UserApprove;
    USER_STANDING = "user_standing", Standing, StandingRecord;
    USER_CERTIFY = "user_certify", Certify, UserCertify;
    USER_SUSPEND = "user_suspend", Suspend, UserSuspend;
    USER_REINSTATE = "user_reinstate", Reinstate, UserReinstate;
    USER_CLOSE = "user_close", UserClose, UserClose;
    USER_SUPERIORS = "user_superiors", Superiors, FunctionGrant;
    USER_STATIONS = "user_stations", Stations, FunctionGrant;
    USER_GRANT = "user_grant", Grant, FunctionGrant;
    USER_REVOKE = "user_revoke", Revoke, FunctionGrant;
    USER_OPEN_TRANSACTION = "user_open_transaction", TransactionOpen, FunctionGrant;
    USER_CLOSE_TRANSACTION = "user_close_transaction", TransactionClose, FunctionGrant;
    USER_AFFIRM = "user_affirm", Affirm, FunctionGrant;
    USER_ASSIGN = "user_assign", Assign, FunctionGrant;
    USER_UNLOCK = "user_unlock", Unlock, FunctionGrant;
    USER_ENROL = "user_enrol", Enrol, FunctionGrant;
    USER_GET = "user_get", UserView, UserView;
    USER_LIST = "user_list", UserView, UserView;
    AGENCY_PUT = "agency_put", AgencyPut, AgencyAdministration;
    AGENCY_GET = "agency_get", PowersView, UserView;
    AGENCY_LIST = "agency_list", PowersView, UserView;
    ROLE_PUT = "role_put", RolePut, AccessPolicies;
    ROLE_GET = "role_get", PowersView, UserView;
    ROLE_LIST = "role_list", PowersView, UserView;
    AGREEMENT_DRAFT = "agreement_draft", AgreementDraft, AgreementDraft;
    AGREEMENT_REVIEW = "agreement_review", AgreementAdvance, AgreementReview;
    AGREEMENT_APPROVE = "agreement_approve", AgreementAdvance, AgreementApprove;
    AGREEMENT_GET = "agreement_get", PowersView, UserView;
    AGREEMENT_LIST = "agreement_list", PowersView, UserView;
    MEMORANDUM_DRAFT = "memorandum_draft", MemorandumDraft, AgreementDraft;
    MEMORANDUM_ACCEPT = "memorandum_accept", MemorandumAdvance, MemorandumAccept;
    MEMORANDUM_END = "memorandum_end", MemorandumAdvance, AgreementDraft;
    MEMORANDUM_GET = "memorandum_get", PowersView, UserView;
    MEMORANDUM_LIST = "memorandum_list", PowersView, UserView;
    ACCESS_POLICIES_GET = "access_policies_get", PowersView, AccessPolicies;
    ACCESS_POLICIES_PROPOSE = "access_policies_propose", PolicyPropose, AccessPolicies;
    ACCESS_POLICIES_APPROVE = "access_policies_approve", PolicyApprove, AccessPolicies;
}

/// The function that a call asks for.
pub(super) fn function(call: Call) -> Option<Function> {
    match call.need {
        Need::Function(function) => Some(function),
        _ => None,
    }
}

/// The call that a change of an account is. One that names no change is refused whatever it is counted as.
pub(super) fn of_change(request: &message::ChangeUserRequest) -> Call {
    match &request.change {
        Some(Change::Approve(_)) => USER_APPROVE,
        Some(Change::Standing(_)) => USER_STANDING,
        Some(Change::Certify(_)) => USER_CERTIFY,
        Some(Change::Suspend(_)) => USER_SUSPEND,
        Some(Change::Reinstate(_)) => USER_REINSTATE,
        Some(Change::Close(_)) => USER_CLOSE,
        Some(Change::Unlock(_)) => USER_UNLOCK,
        Some(Change::Enrol(_)) => USER_ENROL,
        Some(Change::Superiors(_)) => USER_SUPERIORS,
        Some(Change::Stations(_)) => USER_STATIONS,
        Some(Change::Grant(_)) | None => USER_GRANT,
        Some(Change::Revoke(_)) => USER_REVOKE,
        Some(Change::OpenTransaction(_)) => USER_OPEN_TRANSACTION,
        Some(Change::CloseTransaction(_)) => USER_CLOSE_TRANSACTION,
        Some(Change::Affirm(_)) => USER_AFFIRM,
        Some(Change::Assign(_)) => USER_ASSIGN,
    }
}

/// The call that a step of an agreement is; an unknown step is refused whatever it is counted as.
pub(super) fn of_agreement_step(step: &str) -> Call {
    match proto::convert::people::agreement_step(step).map(|step| step.function()) {
        Ok(Function::AgreementReview) => AGREEMENT_REVIEW,
        _ => AGREEMENT_APPROVE,
    }
}

/// The call that a step of a memorandum is.
pub(super) fn of_memorandum_step(step: &str) -> Call {
    use model::command::people::memorandum::MemorandumStep;
    match proto::convert::people::memorandum_step(step) {
        Ok(MemorandumStep::End) => MEMORANDUM_END,
        _ => MEMORANDUM_ACCEPT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::command::people::agreement::AgreementStep;
    use proto::convert::people::change_from;

    /// Asked for at the gate and in the log alike.
    #[test]
    fn a_change_asks_for_the_function_that_the_rules_ask_for() {
        let assignment =
            || message::Assignment { function: "export".into(), from: "2027-01-01".into(), to: "2027-01-02".into() };
        let grant = || message::Grant { what: Some(message::grant::What::Role("lane".into())) };
        let nothing = message::Nothing {};
        let changes = [
            Change::Approve(nothing),
            Change::Standing(message::StandingFact { fact: Some(message::standing_fact::Fact::OprHold(true)) }),
            Change::Certify(nothing),
            Change::Suspend("sco".into()),
            Change::Reinstate(nothing),
            Change::Close(nothing),
            Change::Superiors(message::Superiors { control_officer: "sco".into(), supervisors: Vec::new() }),
            Change::Stations(message::Stations::default()),
            Change::Grant(grant()),
            Change::Revoke(grant()),
            Change::OpenTransaction(assignment()),
            Change::CloseTransaction(assignment()),
            Change::Affirm(nothing),
            Change::Unlock(nothing),
            Change::Enrol(vec![7; 32]),
            Change::Assign(message::AssignRights::default()),
        ];
        for change in changes {
            let asked = change_from(Some(change.clone())).expect("reads").function();
            let call = of_change(&message::ChangeUserRequest { change: Some(change), ..Default::default() });
            assert_eq!(function(call), Some(asked), "{}", call.name);
        }
        for step in AgreementStep::ALL {
            assert_eq!(function(of_agreement_step(step.code())), Some(step.function()), "{step}");
        }
        assert_eq!(function(of_memorandum_step("accept")), Some(Function::MemorandumAccept));
        assert_eq!(function(of_memorandum_step("end")), Some(Function::AgreementDraft));
    }
}
