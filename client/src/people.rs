//! Calls about people and powers.

use proto::v1;
use tonic::transport::Channel;

use crate::call::ANSWER_BYTES_MAX;
use crate::lookouts::settle;
use crate::{Client, ClientError};

/// Calls of one service: reads, and writes whose empty request id is filled in.
macro_rules! calls {
    ($module:ident::$stub:ident:
        reads { $($(#[$read_meta:meta])* $read:ident = $read_call:ident($asks:ident) -> $answer:ident;)* }
        writes { $($(#[$write_meta:meta])* $write:ident = $write_call:ident($wants:ident);)* }
    ) => {
        impl Client {
            $($(#[$read_meta])*
            pub async fn $read(&self, message: v1::$asks) -> Result<v1::$answer, ClientError> {
                let stub = |channel: Channel| {
                    v1::$module::$stub::<Channel>::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
                };
                self.unary(self.read(), message, |channel, request| async move { stub(channel).$read_call(request).await })
                    .await
            })*

            $($(#[$write_meta])*
            pub async fn $write(&self, mut message: v1::$wants) -> Result<v1::ChangeResponse, ClientError> {
                let id = settle(self, &mut message.request_id)?;
                let stub = |channel: Channel| {
                    v1::$module::$stub::<Channel>::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
                };
                self.unary(self.write(id), message, |channel, request| async move { stub(channel).$write_call(request).await })
                    .await
            })*
        }
    };
}

calls! { users_client::UsersClient:
    reads {
        /// An account with the personal data of its holder.
        get_user = get(GetUserRequest) -> UserRecord;
        /// A page of the accounts that the caller sees.
        list_users = list(ListUsersRequest) -> ListUsersResponse;
    }
    writes {
        /// Asks for an account.
        request_user = request(RequestUserRequest);
        /// Changes an account.
        change_user = change(ChangeUserRequest);
    }
}

calls! { agencies_client::AgenciesClient:
    reads {
        /// An agency.
        get_agency = get(GetAgencyRequest) -> AgencyRecord;
        /// A page of the agencies.
        list_agencies = list(ListAgenciesRequest) -> ListAgenciesResponse;
    }
    writes {
        /// Makes an agency, or changes it as a whole.
        put_agency = put(PutAgencyRequest);
    }
}

calls! { roles_client::RolesClient:
    reads {
        /// The newest version of a role, or an earlier one.
        get_role = get(GetRoleRequest) -> RoleRecord;
        /// A page of the roles.
        list_roles = list(ListRolesRequest) -> ListRolesResponse;
    }
    writes {
        /// Makes a role, or changes it as a whole.
        put_role = put(PutRoleRequest);
    }
}

calls! { agreements_client::AgreementsClient:
    reads {
        /// An agreement.
        get_agreement = get(GetAgreementRequest) -> AgreementRecord;
        /// All agreements of an agency.
        list_agreements = list(ListAgreementsRequest) -> ListAgreementsResponse;
    }
    writes {
        /// A new agreement, or other terms of one.
        draft_agreement = draft(DraftAgreementRequest);
        /// The next step of an agreement.
        advance_agreement = advance(AdvanceAgreementRequest);
    }
}

calls! { memoranda_client::MemorandaClient:
    reads {
        /// A memorandum.
        get_memorandum = get(GetMemorandumRequest) -> MemorandumRecord;
        /// A page of the memoranda that the caller sees.
        list_memoranda = list(ListMemorandaRequest) -> ListMemorandaResponse;
    }
    writes {
        /// A new memorandum.
        draft_memorandum = draft(DraftMemorandumRequest);
        /// The next step of a memorandum.
        advance_memorandum = advance(AdvanceMemorandumRequest);
    }
}

calls! { access_policies_client::AccessPoliciesClient:
    reads {
        /// The access policies in force, or of a version, and those that are proposed.
        access_policies = get(GetAccessPoliciesRequest) -> AccessPoliciesResponse;
    }
    writes {
        /// Proposes access policies.
        propose_access_policies = propose(ProposeAccessPoliciesRequest);
        /// Puts proposed access policies in force.
        approve_access_policies = approve(ApproveAccessPoliciesRequest);
    }
}
