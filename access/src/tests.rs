//! What is checked of a text of policies, and what happens when one cannot be evaluated.

use model::access::denial::Denial;

use super::*;

fn built_in() -> Bundle {
    Bundle::built_in().expect("the policies of this program are right")
}

/// The policies of this program, one text each.
fn policies(bundle: &Bundle) -> Vec<(String, String)> {
    let policies = bundle.policies.policies().map(|policy| (policy.id().to_string(), policy.to_string()));
    let mut policies: Vec<_> = policies.collect();
    policies.sort();
    policies
}

fn first(bundle: &Bundle) -> Verdict {
    let corpus = Corpus::built_in().expect("reads");
    let (principal, request) = corpus.requests().next().expect("a case");
    bundle.decide(principal, request)
}

fn refused(text: &str) -> String {
    Bundle::load(text).expect_err("refused").to_string()
}

const OPEN: &str = r#"@id("P") @stage("record") permit (principal, action, resource);"#;

#[test]
fn the_policies_decide_the_corpus_as_it_is_written() {
    let corpus = Corpus::built_in().expect("reads");
    built_in().check_corpus(&corpus).expect("all cases");
    assert!(corpus.requests().count() >= 100, "{}", corpus.requests().count());
}

/// A text from which any one of them is taken away would not come into force.
#[test]
fn the_corpus_misses_every_policy_that_is_left_out() {
    let (bundle, corpus) = (built_in(), Corpus::built_in().expect("reads"));
    let all = policies(&bundle);
    let mut missed = Vec::new();
    for (left_out, _) in &all {
        let rest: Vec<&str> = all.iter().filter(|(name, _)| name != left_out).map(|(_, text)| text.as_str()).collect();
        let without = Bundle::load(&rest.join("\n")).expect("loads");
        if without.check_corpus(&corpus).is_ok() {
            missed.push(left_out);
        }
    }
    assert_eq!(missed, [""; 0], "policies that no case needs");
}

/// Declares a test for each rule: its cases of the corpus are decided as they are written, and among them are one that is
/// allowed and one that is denied with the rule's code.
macro_rules! rules {
    ($($test:ident $rule:literal $code:literal,)+) => {
        $(#[test]
        fn $test() {
            let corpus = Corpus::built_in().expect("reads");
            let (allowed, denied) = of_rule(&corpus, $rule);
            assert!(allowed > 0, "no case allows");
            assert!(denied.iter().any(|codes| codes.iter().any(|denial| denial.code() == $code)), "no case denies");
        })+

        #[test]
        fn every_rule_with_a_gate_has_a_test() {
            let tested = [$($rule),+];
            for denial in built_in().codes.values() {
                assert!(tested.contains(&denial.rule()), "{}", denial.rule());
            }
        }
    };
}

rules! {
    r01_an_adjudicated_investigation "R01" "BI_NONE",
    r02_an_investigation_that_is_current "R02" "BI_STALE",
    r03_what_an_anaci_bears "R03" "BI_TYPE",
    r04_the_course_within_a_year "R04" "COURSE",
    r05_nationals_and_foreign_service_nationals "R05" "NATION",
    r06_an_agreement_in_force_that_names_it "R06" "MOA",
    r07_an_account_that_is_certified "R07" "CERT",
    r08_consent_at_this_log_on "R08" "CONSENT",
    r09_duties_that_are_kept_apart "R09" "DUTY",
    r10_the_ncic_certification_trumps_all "R10" "NCIC",
    r11_a_role_carries_the_function "R11" "FUNC",
    r12_a_transaction_within_its_window "R12" "TXN",
    r13_authority_for_function_and_record "R13" "TXN_REC",
    r14_a_station_of_ones_own "R14" "STATION",
    r15_level_one_for_all_whose_investigation_bears_it "R15" "BI_TYPE",
    r16_level_two_is_read_and_not_written "R16" "LEVEL2",
    r17_level_three_by_class "R17" "L3",
    r18_level_four_by_name "R18" "L4",
    r19_enhanced_documents_at_primary "R19" "ETC_EDL",
    r20_the_owner_writes "R20" "OWNER",
    r22_a_supervisor_approves "R22" "APPROVE",
    r23_a_suspended_account "R23" "SUSPEND",
    r27_passing_on_by_authority "R27" "REDISS",
    r29_a_system_under_its_agreement "R29" "ISA",
    r30_no_superuser "R30" "CLOSED",
}

/// Decides the cases of a rule: how many are allowed, and why the others are not.
fn of_rule<'a>(corpus: &'a Corpus, rule: &str) -> (usize, Vec<&'a Vec<Denial>>) {
    let bundle = built_in();
    let (mut allowed, mut denied) = (0, Vec::new());
    for (case, (principal, request)) in corpus.cases.iter().zip(corpus.requests()) {
        if !case.name.starts_with(rule) {
            continue;
        }
        let verdict = bundle.decide(principal, request);
        assert_eq!((verdict.allowed, &verdict.codes), (case.codes.is_empty(), &case.codes), "{}", case.name);
        assert_eq!(verdict.errors, [""; 0], "{}", case.name);
        if verdict.allowed { allowed += 1 } else { denied.push(&case.codes) }
    }
    (allowed, denied)
}

#[test]
fn a_text_is_refused_by_what_is_wrong_with_it() {
    assert!(refused("permit(").starts_with("the policies do not parse"));
    assert_eq!(
        refused(r#"@id("P") permit (principal == ?principal, action, resource);"#),
        "a policy is a template; write it out"
    );
    assert!(refused("permit (principal, action, resource);").starts_with("a policy has no `@id`"));
    assert_eq!(refused(&format!("{OPEN}{OPEN}")), "policy `P` stands there twice");
    assert!(refused(r#"@id("P") permit (principal, action, resource);"#).starts_with("policy `P` has `@stage` \"\""));
    let coded = |name: &str, code: &str| {
        format!(r#"@id("{name}") {code} @stage("record") forbid (principal, action, resource);"#)
    };
    assert!(refused(&coded("R04", "")).starts_with("policy `R04` refuses and has no `@code`"));
    assert!(refused(&coded("R04", r#"@code("NONE")"#)).starts_with("policy `R04` has the unknown `@code`"));
    assert_eq!(
        refused(&coded("R04-x", r#"@code("CERT")"#)),
        "policy `R04-x` is named after R04, its `@code` CERT is of R07"
    );
    let permits = OPEN.replace("@stage", r#"@code("CERT") @stage"#);
    assert!(refused(&permits).starts_with("policy `P` is a permit and has a `@code`"));
    let many: Vec<String> =
        (0..=model::limits::ACCESS_POLICIES_MAX).map(|n| OPEN.replace("(\"P", &format!("(\"P{n}"))).collect();
    assert!(refused(&many.join("\n")).starts_with("101 policies, at most 100 are allowed"));
    assert!(refused(&" ".repeat(model::limits::ACCESS_POLICIES_BYTES_MAX + 1)).starts_with("text: has 262145 bytes"));
}

#[test]
fn a_text_that_does_not_go_with_the_schema_is_refused() {
    let when = |condition: &str| {
        refused(&format!(
            r#"@id("P") @stage("record") permit (principal, action == Action::"read", resource is Record) when {{ {condition} }};"#
        ))
    };
    for condition in [
        "principal.clearance > 3",
        "resource.level == \"1\"",
        "principal.functions.contains(3)",
        // Past the creator, who is not handed in.
        "resource.creator.active",
        // Never holds, which is a warning.
        "resource.level == 1 && !(resource.level == 1) && false",
    ] {
        assert!(
            when(condition).starts_with("the policies do not go with the schema"),
            "{condition}: {}",
            when(condition)
        );
    }
}

#[test]
fn r30_no_policy_is_for_one_person() {
    for text in [
        OPEN.replace("principal,", r#"principal == User::"smith","#),
        OPEN.replace("resource)", r#"resource == Record::"1")"#),
        OPEN.replace(";", r#" unless { principal == User::"smith" };"#),
        OPEN.replace(";", r#" when { [User::"smith", User::"jones"].contains(principal) };"#),
    ] {
        assert!(refused(&text).starts_with("policy `P` names "), "{text}: {}", refused(&text));
    }
}

#[test]
fn r30_a_permit_for_everything_opens_nothing_that_a_gate_closes() {
    let bundle = Bundle::load(&format!("{}\n{OPEN}", built_in().text())).expect("loads");
    bundle.check_corpus(&Corpus::built_in().expect("reads")).expect("all cases as before");
}

/// Cedar skips a gate that errs, which opens it; here it is a refusal that says so.
#[test]
fn a_gate_that_cannot_be_evaluated_refuses_and_says_so() {
    assert!(first(&built_in()).allowed);
    let overflow = r#"@id("R04-planted") @code("COURSE") @stage("standing")
        forbid (principal, action, resource) when { context.now + 9223372036854775807 < 0 };"#;
    let bundle =
        Bundle::load(&format!("{}\n{overflow}", built_in().text())).expect("the schema has nothing against it");
    let missing = overflow.replace("context.now + 9223372036854775807 < 0", "principal.clearance > 3");
    let unvalidated = Bundle::unvalidated(&format!("{}\n{missing}", built_in().text())).expect("parses");
    for bundle in [bundle, unvalidated] {
        let verdict = first(&bundle);
        assert!(!verdict.allowed);
        assert_eq!(verdict.codes, [Denial::Closed]);
        assert!(verdict.errors.len() == 1 && verdict.errors[0].contains("R04-planted"), "{:?}", verdict.errors);
        let corpus = Corpus::built_in().expect("reads");
        assert!(bundle.check_corpus(&corpus).is_err(), "and it would not come into force");
    }
}

#[test]
fn a_record_that_is_missing_or_too_many_is_a_refusal_that_says_so() {
    let corpus = Corpus::built_in().expect("reads");
    let (principal, request) = corpus.requests().next().expect("a case");
    for act in Act::ALL {
        let object = request.object.clone().filter(|_| !act.is_to_record());
        let verdict = built_in().decide(principal, &Request { act, object, ..request.clone() });
        assert!(!verdict.allowed && verdict.errors.len() == 1, "{act:?}: {verdict:?}");
    }
}

#[test]
fn what_is_handed_to_the_policies_goes_with_the_schema() {
    let (bundle, schema) = (built_in(), bundle::schema().expect("parses"));
    for (principal, request) in Corpus::built_in().expect("reads").requests() {
        let caller = bundle.vocabulary.caller(principal).expect("builds");
        let record = request.object.as_ref().map(|object| bundle.vocabulary.record(object).expect("builds"));
        let entities = [caller].into_iter().chain(record);
        cedar_policy::Entities::from_entities(entities, Some(&schema)).expect("goes with the schema");
        let context = entities::circumstances(&principal.transactions, request).expect("builds");
        let action = bundle.vocabulary.action(request.act).expect("known").uid();
        context.validate(&schema, &action).expect("goes with the schema");
    }
}

#[test]
fn a_stored_bundle_comes_into_force_if_it_was_checked_against_what_this_program_has() {
    let user = |text: &str| model::ids::UserId::new(text).expect("a code");
    let stored = built_in().stored(1, user("ann"), user("bob")).expect("right");
    assert_eq!(Bundle::for_activation(&stored).expect("right").sha256(), built_in().sha256());
    assert!(built_in().stored(1, user("ann"), user("ann")).is_err(), "the author approves nothing");
    let draft = built_in().draft(1).expect("right");
    assert_eq!(draft.clone().approved(user("ann"), user("bob")), stored, "a proposal becomes what is put in force");
    assert!(built_in().draft(0).is_err());
    let mut wrong = stored.clone();
    wrong.schema_sha256 = [0; 32];
    assert_eq!(Bundle::of(&wrong).expect_err("refused"), BundleError::OtherSchema);
    let mut wrong = stored.clone();
    wrong.cedar_language = "4.0.0".into();
    assert!(matches!(Bundle::of(&wrong), Err(BundleError::OtherLanguage { .. })));
    let mut wrong = stored.clone();
    wrong.decisions_sha256 = [0; 32];
    assert_eq!(Bundle::for_activation(&wrong).expect_err("refused"), BundleError::OtherDecisions);
    let mut wrong = stored;
    wrong.text = OPEN.into();
    let refused = Bundle::for_activation(&wrong).expect_err("refused").to_string();
    assert!(
        refused.contains("cases are decided otherwise, first: `R01 no investigation`: expected BI_NONE, found allowed"),
        "{refused}"
    );
    assert_ne!(Bundle::of(&wrong).expect("loads").sha256(), built_in().sha256());
}

#[test]
fn a_corpus_says_what_is_wrong_with_it() {
    let text = include_str!("../policies/decisions.json");
    let wrong = |from: &str, to: &str| Corpus::read(&text.replacen(from, to, 1)).expect_err("refused").to_string();
    assert!(wrong("\"about\"", "\"abuot\"").starts_with("the corpus of decisions does not read"));
    assert!(wrong("{\"background\": null}", "{\"backgroud\": null}").contains("case `R01 no investigation`"));
    assert!(wrong("\"act\": \"take-course\"", "\"act\": \"take-curse\"").contains("no act is called \"take-curse\""));
    assert!(wrong("[\"BI_NONE\"]", "[\"BI\"]").contains("unknown reason of a refusal `BI`"));
}

/// The policies that an act is not shown would have said nothing, nor would the heads that are left out.
#[test]
fn each_act_is_decided_as_by_all_policies_as_they_are_written() {
    let (bundle, corpus) = (built_in(), Corpus::built_in().expect("reads"));
    for (principal, request) in corpus.requests() {
        assert_eq!(bundle.decide(principal, request), bundle.decide_as_written(principal, request));
    }
    let shown = |act| bundle.policies_for(act).num_of_policies();
    assert!(shown(Act::Use) < shown(Act::Read) && shown(Act::Read) < bundle.len());
}

/// A head that asks for more than an act stays.
#[test]
fn heads_that_are_unusual_hold_as_they_are_written() {
    let corpus = Corpus::built_in().expect("reads");
    let heads = [
        "principal is User, action, resource",
        r#"principal, action in [Action::"read", Action::"work"], resource is Record"#,
        r#"principal, action == Action::"log-off", resource is Service"#,
        "principal, action, resource is Service",
    ];
    for head in heads {
        let text = format!(r#"{} @id("R30-x") @code("CLOSED") @stage("record") forbid ({head});"#, built_in().text());
        let bundle = Bundle::load(&text).expect("loads");
        let mut denied = 0;
        for (principal, request) in corpus.requests() {
            let verdict = bundle.decide(principal, request);
            assert_eq!(verdict, bundle.decide_as_written(principal, request), "{head}");
            denied += usize::from(verdict.codes.contains(&Denial::Closed));
        }
        assert!(denied > 0, "{head}");
    }
}

/// A node shares one bundle among its threads, and keeps callers.
#[test]
fn a_bundle_is_shared_among_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Bundle>();
    shared::<Caller>();
}
