//! Every bound of the product in one place, unit last in the name. A bound is part of the contract: requests beyond it are
//! refused with its name and value, never cut silently.

use crate::admission::Rate;

/// Slots that record ids hash into; fixed for the life of a cluster.
pub const SLOTS: u16 = 1024;
/// How long a request id is remembered, and so how long a retry is safe.
pub const REQUEST_ID_MEMORY_MS: u64 = 24 * 60 * 60 * 1000;
/// A decision of the gate lapses this long after it was made, by log time.
pub const DECISION_VALID_MS: u64 = 2_000;
/// A leader whose clock runs further ahead of its quorum's median than this stamps nothing and steps down.
pub const CLOCK_AHEAD_MAX_MS: u64 = 1_000;

/// Names of one lookout (primary, aliases).
pub const NAMES_MAX: usize = 256;
/// Words of all names of one lookout (whole, family name and original script together): each becomes up to some hundred keys
/// of the search index. The largest entry of the OFAC list has 448 in its whole names.
pub const NAME_WORDS_MAX: usize = 1_024;
/// Characters of one name.
pub const NAME_CHARS_MAX: usize = 512;
/// Entries of any other list inside a lookout (dates, documents, plates ...).
pub const IDENTIFIERS_MAX: usize = 128;
/// Characters of a document, plate or registration number.
pub const NUMBER_CHARS_MAX: usize = 64;
/// Characters of a machine readable zone as it is sent: the longest has 90 and two line breaks, and some are read with blanks.
pub const MRZ_CHARS_MAX: usize = 256;
/// Characters of a lookout's reason.
pub const REASON_CHARS_MAX: usize = 1_000;
/// Characters of a lookout's remarks.
pub const REMARKS_CHARS_MAX: usize = 8_000;
/// Overrides of one lookout: they are read for each of its hits, and listed on one page.
pub const OVERRIDES_MAX: usize = 100;
/// Numbers of documents in one override.
pub const OVERRIDE_DOCUMENTS_MAX: usize = 16;
/// Longest time that an override may be in force: two years, so that each is looked at again.
pub const OVERRIDE_VALID_MAX_MS: u64 = 2 * 366 * 24 * 60 * 60 * 1000;
/// Characters of a code: agency, port, purpose, source list, source reference.
pub const CODE_CHARS_MAX: usize = 64;

/// Bytes of one command in the log.
pub const COMMAND_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of any message between nodes or from a client.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Entries of an import in one command.
pub const IMPORT_BATCH_MAX: usize = 256;
/// Records that one command of an import's end removes.
pub const IMPORT_SWEEP_MAX: usize = 256;
/// Bytes of one row or element of an import file.
pub const IMPORT_ENTRY_BYTES_MAX: usize = 1024 * 1024;
/// Rejected rows that an import's summary names one by one; the rest is counted.
pub const REJECTIONS_SHOWN_MAX: usize = 1_000;

/// Audit events in one log entry.
pub const AUDIT_BATCH_MAX: usize = 512;
/// Bytes of one audit leaf (C2SP tlog-tiles entry bundles count in 16 bits).
pub const AUDIT_LEAF_BYTES_MAX: usize = 4 * 1024;
/// Changed records that one audit event names.
pub const AUDIT_CHANGES_MAX: usize = 64;
/// Longest wait for company before a busy node sends its audit events.
pub const AUDIT_LINGER_MS: u64 = 2;
/// Audit events of a node that wait for their group; beyond it, queries are refused with a retry hint.
pub const AUDIT_QUEUE_MAX: usize = 8_192;
/// Outbox messages delivered in one command.
pub const OUTBOX_BATCH_MAX: usize = 256;

/// Characters of one field of a question that its event keeps; longer ones are cut with a sign.
pub const TERM_CHARS_MAX: usize = 512;
/// Hits of one answer.
pub const HITS_MAX: usize = 100;
/// Matching policies in force at a time.
pub const POLICIES_MAX: usize = 64;
/// Lists, or purposes, that one policy names.
pub const POLICY_SCOPE_MAX: usize = 64;
/// Roles of one account.
pub const ROLES_MAX: usize = 16;
/// Functions of one role, and functions granted to one account beside its roles.
pub const FUNCTIONS_MAX: usize = 64;
/// Transactions of one account that are not over.
pub const TRANSACTIONS_MAX: usize = 64;
/// Longest temporary assignment (R12): one year.
pub const TRANSACTION_MAX_MS: u64 = 366 * 24 * 60 * 60 * 1000;
/// Stations of one account.
pub const STATIONS_MAX: usize = 64;
/// Supervisors of one account, and national control officers of one agency.
pub const SUPERIORS_MAX: usize = 8;
/// What one control officer may assign: triples of function, agency and dataset.
pub const ASSIGN_MAX: usize = 2_048;
/// Certificate names of one account, or systems of one agreement.
pub const CERTIFICATES_MAX: usize = 8;
/// Characters of a certificate's name.
pub const CERTIFICATE_CHARS_MAX: usize = 256;
/// Bytes of a sealed factor of log-on: the hash of a password, or the secret of codes.
pub const FACTOR_BYTES_MAX: usize = 512;
/// Bytes of the sealed personal data of one account.
pub const PERSONAL_BYTES_MAX: usize = 4 * 1024;
/// Characters of each field of them.
pub const PERSONAL_CHARS_MAX: usize = 256;
/// Characters of an agency's name or of the text that states an agreement's authority.
pub const AUTHORITY_CHARS_MAX: usize = 1_000;
/// Agreements of one agency: all are read when a caller of it is decided on.
pub const AGREEMENTS_MAX: usize = 32;
/// Memoranda for one agency or one user: all are read when he is decided on.
pub const MEMORANDA_MAX: usize = 256;
/// Users that one memorandum names.
pub const MEMORANDUM_USERS_MAX: usize = 64;
/// Accounts that the first ceremony of a cluster makes.
pub const FOUNDERS_MAX: usize = 16;
/// Sessions of one user that are read: more than he may have at once.
pub const SESSIONS_READ_MAX: usize = 16;
/// Denials of a node that wait to be told to the directory; one beyond them does not count against its account.
pub const DENIALS_QUEUE_MAX: usize = 4_096;
/// Sessions of a node whose sign of life waits to be written down; one beyond them is told again by its next request.
pub const SEEN_QUEUE_MAX: usize = 8_192;
/// Signs of life of sessions in one command.
pub const SEEN_MAX: usize = 256;
/// Denials counted by one command.
pub const DENIALS_MAX: usize = 256;

/// Questions of one person at one node. He who types and scans asks one in some seconds; a lane that reads a bus, some at once.
pub const QUESTION_RATE: Rate = Rate { per_second: 20, burst: 40 };
/// Changes of lookouts and overrides by one person at one node.
pub const WRITE_RATE: Rate = Rate { per_second: 20, burst: 40 };
/// Everything about sessions, people and the cluster by one person at one node, and the beginning of a stream.
pub const CONTROL_RATE: Rate = Rate { per_second: 10, burst: 40 };
/// Rows of one person or system at one node; what is beyond waits.
pub const BATCH_RATE: Rate = Rate { per_second: 200, burst: 400 };
/// Any requests of one system of an agency at one node: it asks for many people.
pub const SYSTEM_RATE: Rate = Rate { per_second: 200, burst: 400 };
/// All requests of one agency at one node, without rows.
pub const AGENCY_RATE: Rate = Rate { per_second: 2_000, burst: 4_000 };
/// Users, systems or agencies whose rate a node has in mind.
pub const RATES_MAX: usize = 16_384;
/// Requests of one priority that wait for a place at a node.
pub const ADMISSION_QUEUE_MAX: usize = 1_024;
/// Streams of rows or lists at a node: what has begun is slowed and never broken off, so there must be room for all of it.
pub const STREAMS_MAX: usize = 128;
/// Streams of one user at a node.
pub const USER_STREAMS_MAX: usize = 8;
/// Who asks beyond his rate is told so after this pause: his connection has room for so many requests and no more.
pub const EXCESS_PAUSE_MS: u64 = 100;
/// Refusals that are held back at a time; one beyond them leaves at once.
pub const EXCESS_PAUSED_MAX: usize = 1_024;
/// Requests beyond a rate are one event for each user in this time.
pub const EXCESS_SUMMARY_MS: u64 = 10_000;
/// Users that have an event of their own in that time; the rest is one event together.
pub const EXCESS_USERS_MAX: usize = 256;

/// Keys of data: of each dataset and of the audit log one for a month, and another when it was replaced.
pub const DATA_KEYS_MAX: usize = 16_384;
/// Bodies that one command seals anew.
pub const RESEAL_MAX: usize = 64;

/// Labels that the writer of a record names: classes, or users.
pub const RECORD_LABELS_MAX: usize = 64;
/// Access policies in force at a time; each is looked at in every decision.
pub const ACCESS_POLICIES_MAX: usize = 100;
/// Bytes of the text of all access policies.
pub const ACCESS_POLICIES_BYTES_MAX: usize = 256 * 1024;
/// Entries of one page of any list.
pub const PAGE_MAX: usize = 1_000;
/// Records that one page of a list of lookouts looks at, shown or not: then it ends, and the list goes on.
pub const LIST_LOOKED_AT_MAX: usize = 10_000;
/// Stored bytes of one page of any list: as a message it stays below the bound of messages. A single row may be longer.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// Page size when the caller names none.
pub const PAGE_DEFAULT: usize = 100;
/// Longest deadline of a call.
pub const DEADLINE_MAX_MS: u64 = 60_000;
/// Deadline of a call that names none.
pub const DEADLINE_DEFAULT_MS: u64 = 10_000;

const _: () = assert!(IMPORT_BATCH_MAX <= PAGE_MAX, "an import batch is a page");
const _: () = assert!(OVERRIDES_MAX <= PAGE_MAX, "the overrides of a lookout are a page");
const _: () = assert!(ACCESS_POLICIES_BYTES_MAX * 2 <= COMMAND_BYTES_MAX, "all access policies fit a command");
const _: () = assert!(STREAMS_MAX * 8 <= ADMISSION_QUEUE_MAX, "all rows of all streams that are under way may wait");
const _: () = assert!(COMMAND_BYTES_MAX * 2 <= MESSAGE_BYTES_MAX, "a command and its frame fit a message");
const _: () = assert!(AUDIT_CHANGES_MAX * 32 + 1_024 <= AUDIT_LEAF_BYTES_MAX, "the changes of an event fit a leaf");
