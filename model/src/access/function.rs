//! Service functions: what a role carries and a request needs (R11).

crate::coded! {
    /// A service function.
    pub enum Function {
        /// Questions at the lane, with the lookouts on primary.
        1 "primary-query" => PrimaryQuery,
        /// Questions by parameters, and why a record is found or not.
        2 "subject-query" => SubjectQuery,
        /// A file of questions, each row decided by itself.
        3 "batch-vetting" => BatchVetting,
        4 "record-view" => RecordView,
        5 "record-history" => RecordHistory,
        6 "record-list" => RecordList,
        10 "lookout-create" => LookoutCreate,
        11 "lookout-update" => LookoutUpdate,
        12 "lookout-remove" => LookoutRemove,
        13 "lookout-approve" => LookoutApprove,
        14 "list-import" => ListImport,
        15 "override-record" => OverrideRecord,
        16 "override-end" => OverrideEnd,
        17 "override-list" => OverrideList,
        20 "matching-policies" => MatchingPolicies,
        21 "matching-compare" => MatchingCompare,
        30 "audit-read" => AuditRead,
        40 "cluster-status" => ClusterStatus,
        41 "cluster-administration" => ClusterAdministration,
        50 "user-request" => UserRequest,
        51 "user-approve" => UserApprove,
        /// Records background investigations, courses and certifications.
        52 "standing-record" => StandingRecord,
        53 "user-certify" => UserCertify,
        54 "user-suspend" => UserSuspend,
        55 "user-reinstate" => UserReinstate,
        56 "user-close" => UserClose,
        57 "user-view" => UserView,
        60 "function-grant" => FunctionGrant,
        61 "agency-administration" => AgencyAdministration,
        62 "agreement-draft" => AgreementDraft,
        /// The privacy officer's review.
        63 "agreement-review" => AgreementReview,
        64 "agreement-approve" => AgreementApprove,
        /// The custodian's acceptance of an owner's memorandum.
        65 "memorandum-accept" => MemorandumAccept,
        66 "access-policies" => AccessPolicies,
        67 "session-end" => SessionEnd,
        70 "export" => Export,
        71 "print" => Print,
        72 "disclosure-case" => DisclosureCase,
        /// NCIC, III, Nlets and CPIC; whoever holds it needs the certification (R10).
        80 "ncic-query" => NcicQuery,
    }
}

impl Function {
    /// Whether its holder must be certified for NCIC (R10).
    pub fn needs_ncic(self) -> bool {
        self == Self::NcicQuery
    }
}
