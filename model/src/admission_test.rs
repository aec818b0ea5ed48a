//! Rates and places, over all that may come.

use proptest::prelude::*;

use super::*;

const RATE: Rate = Rate { per_second: 20, burst: 40 };

fn purpose(text: &str) -> Purpose {
    Purpose::new(text).expect("a code")
}

#[test]
fn the_lane_comes_before_secondary_before_the_desk_before_batches() {
    let of = |function, text: &str| Priority::of(Some(function), &purpose(text), false);
    let order = [
        of(Function::UserSuspend, "administration"),
        of(Function::LookoutCreate, "primary"),
        of(Function::PrimaryQuery, "primary"),
        of(Function::SubjectQuery, "secondary"),
        of(Function::SubjectQuery, "investigation"),
        of(Function::BatchVetting, "primary"),
    ];
    assert_eq!(order, Priority::ALL);
    assert!(order.is_sorted());
    assert_eq!(Priority::of(None, &purpose("primary"), false), Priority::Control, "log-on and log-off");
}

#[test]
fn who_gives_way_lowers_his_question_and_raises_nothing() {
    for function in Function::ALL {
        for text in ["primary", "secondary", "other"] {
            let [usual, lowered] = [false, true].map(|way| Priority::of(Some(*function), &purpose(text), way));
            assert!(lowered >= usual, "{function}");
        }
    }
    assert_eq!(Priority::of(Some(Function::PrimaryQuery), &purpose("primary"), true), Priority::Batch);
}

#[test]
fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
    let mut buckets = Buckets::new(RATE, 8);
    let taken = (0..100).filter(|_| buckets.take(&"user", 0, 0).is_ok()).count();
    assert_eq!(taken, 40);
    assert_eq!(buckets.take(&"user", 0, 0), Err(50 * MILLISECOND));
    assert_eq!(buckets.take(&"other", 0, 0), Ok(0), "nobody pays for another");
    assert_eq!(buckets.take(&"user", 50 * MILLISECOND, 0), Ok(0));
    // Whoever can wait is told how long, and each a turn of his own.
    assert_eq!(buckets.take(&"user", 50 * MILLISECOND, SECOND), Ok(50 * MILLISECOND));
    assert_eq!(buckets.take(&"user", 50 * MILLISECOND, SECOND), Ok(100 * MILLISECOND));
}

#[test]
fn buckets_that_are_full_are_forgotten_before_any_other() {
    let mut buckets = Buckets::new(RATE, 2);
    (0..40).for_each(|_| assert!(buckets.take(&1, 0, 0).is_ok()));
    assert_eq!(buckets.take(&2, 0, 0), Ok(0));
    assert_eq!(buckets.take(&3, 60 * MILLISECOND, 0), Ok(0), "the second is full again and makes room");
    assert!(buckets.take(&1, 60 * MILLISECOND, 0).is_ok() && buckets.take(&1, 60 * MILLISECOND, 0).is_err());
    assert_eq!(buckets.len(), 2);
}

fn admitted(line: &mut Line<u32>, now: Nanos) -> Vec<(u32, bool)> {
    std::iter::from_fn(|| line.next(now).map(|called| (called.waiter, called.admitted))).collect()
}

#[test]
fn a_free_place_goes_to_the_first_priority_that_waits_and_within_it_to_who_came_first() {
    let mut line = Line::new(Limit::fixed(1));
    assert_eq!(line.enter(Priority::Subject, false, 0, || 0), Entry::In);
    for (number, priority) in
        [Priority::Batch, Priority::Subject, Priority::Primary, Priority::Primary].iter().enumerate()
    {
        assert!(matches!(line.enter(*priority, false, 0, || number as u32), Entry::Waits(_)));
    }
    let mut order = Vec::new();
    let mut holds = Priority::Subject;
    while line.waiting.iter().any(|queue| !queue.is_empty()) {
        line.leave(holds, None, 0);
        let called = line.next(0).expect("a place is free");
        (holds, order) = (called.priority, [order, vec![called.waiter]].concat());
    }
    assert_eq!(order, [2, 3, 1, 0]);
}

#[test]
fn batches_never_hold_more_than_their_share_and_get_a_place_in_sixteen() {
    let mut line = Line::new(Limit::fixed(8));
    let entered: Vec<Entry> = (0..4).map(|number| line.enter(Priority::Batch, false, 0, || number)).collect();
    assert_eq!(entered.iter().filter(|entry| **entry == Entry::In).count(), 2, "a quarter");
    assert_eq!(line.enter(Priority::Primary, false, 0, || 9), Entry::In, "the rest is for others");
    // A stream of primary questions that never ends: the batch still gets on.
    let mut line = Line::new(Limit::fixed(1));
    assert_eq!(line.enter(Priority::Primary, false, 0, || 0), Entry::In);
    line.enter(Priority::Batch, false, 0, || 1);
    let mut turns = 0;
    loop {
        line.enter(Priority::Primary, false, 0, || 0);
        line.leave(Priority::Primary, None, 0);
        turns += 1;
        if line.next(0).expect("a place is free").priority == Priority::Batch {
            break;
        }
    }
    // The place that was free at first is one of them.
    assert_eq!(turns + 1, LAST_FIRST);
}

#[test]
fn a_burst_may_wait_and_a_queue_that_stands_makes_nobody_late() {
    let mut line = Line::new(Limit::fixed(1));
    assert_eq!(line.enter(Priority::Primary, false, 0, || 0), Entry::In);
    line.enter(Priority::Primary, false, 0, || 1);
    assert_eq!(admitted(&mut line, 900 * MILLISECOND), [], "a burst waits");
    line.enter(Priority::Primary, false, 900 * MILLISECOND, || 2);
    // The first waited too long; and since the queue was never empty since, the second waits 400 ms and no more.
    assert_eq!(admitted(&mut line, 1_100 * MILLISECOND), [(1, false)]);
    assert_eq!(admitted(&mut line, 1_301 * MILLISECOND), [(2, false)]);
    line.enter(Priority::Primary, false, 1_400 * MILLISECOND, || 3);
    assert_eq!(admitted(&mut line, 2_000 * MILLISECOND), [], "it was empty: a burst may wait again");
    // Batches and revocations wait as long as it takes.
    line.enter(Priority::Batch, false, 0, || 4);
    line.enter(Priority::Control, false, 0, || 5);
    assert_eq!(admitted(&mut line, 100 * SECOND), [(3, false)]);
}

#[test]
fn places_become_fewer_where_more_make_answers_slow_and_more_again_where_they_do_not() {
    let mut line: Line<u32> = Line::new(Limit::between(4, 16, 64));
    let mut window = |full: bool, took: Nanos| {
        let places = line.places();
        let held = if full { places } else { 1 };
        (0..held).for_each(|_| assert_eq!(line.enter(Priority::Primary, false, 0, || 0), Entry::In));
        let probe = line.enter(Priority::Primary, false, 0, || 0);
        if let Entry::Waits(ticket) = probe {
            assert!(full && line.give_up(Priority::Primary, ticket));
        }
        let held = held + usize::from(probe == Entry::In);
        (0..WINDOW).for_each(|_| line.limit.answered(took, 0));
        (0..held).for_each(|_| line.leave(Priority::Primary, None, 0));
        line.places()
    };
    assert_eq!(window(false, 4 * MILLISECOND), 16, "nobody waits: nothing is judged");
    let mut places = 16;
    for _ in 0..40 {
        places = window(true, 20 * MILLISECOND);
    }
    assert_eq!(places, 4, "slow answers take places away, to the least");
    for _ in 0..60 {
        places = window(true, 4 * MILLISECOND);
    }
    assert_eq!(places, 64, "and quick ones give them back, to the most");
}

#[test]
fn who_can_wait_has_fewer_places_first_where_answers_are_slow_and_more_again_where_they_want_them() {
    let mut line: Line<u32> = Line::new(Limit::between(16, 16, 64));
    let judged = |line: &mut Line<u32>, took: Nanos| (0..WINDOW).for_each(|_| line.limit.answered(took, 0));
    // How many of the desk are served beside one at the lane.
    let served = |line: &mut Line<u32>| {
        assert_eq!(line.enter(Priority::Primary, false, 0, || 0), Entry::In);
        let entered: Vec<Entry> = (0..8).map(|_| line.enter(Priority::Subject, false, 0, || 1)).collect();
        let served = entered.iter().filter(|entry| **entry == Entry::In).count();
        for entry in entered {
            match entry {
                Entry::In => line.leave(Priority::Subject, None, 0),
                Entry::Waits(ticket) => assert!(line.give_up(Priority::Subject, ticket)),
                Entry::Refused => panic!("the queue has room"),
            }
        }
        line.leave(Priority::Primary, None, 0);
        served
    };
    judged(&mut line, 4 * MILLISECOND);
    let first = served(&mut line);
    assert_eq!(first, SPARE_FIRST);
    for more in [1, 2, 2] {
        judged(&mut line, 4 * MILLISECOND);
        assert_eq!(served(&mut line), first + more, "they were wanted, and nobody is slow: up to a quarter");
    }
    judged(&mut line, 4 * MILLISECOND);
    served(&mut line);
    for _ in 0..3 {
        judged(&mut line, 20 * MILLISECOND);
    }
    assert_eq!((served(&mut line), line.places()), (0, 16), "none beside the lane, which keeps its places");
    // Where the lane has been quiet for a while, they have their share.
    let later = 2 * SECOND;
    let entered: Vec<Entry> = (0..16).map(|_| line.enter(Priority::Subject, false, later, || 1)).collect();
    assert_eq!(entered.iter().filter(|entry| **entry == Entry::In).count(), 12, "three quarters of sixteen");
    for entry in entered {
        match entry {
            Entry::Waits(ticket) => assert!(line.give_up(Priority::Subject, ticket)),
            _ => line.leave(Priority::Subject, None, 0),
        }
    }
    // Alone, one is served; and beside a lane that never ends one in so many.
    assert_eq!(line.enter(Priority::Batch, false, 0, || 1), Entry::In);
    line.leave(Priority::Batch, None, 0);
    assert_eq!(line.enter(Priority::Primary, false, 0, || 0), Entry::In);
    assert!(matches!(line.enter(Priority::Batch, false, 0, || 2), Entry::Waits(_)));
    let mut grants = 0;
    while line.waiting[Priority::Batch as usize].len() == 1 {
        line.enter(Priority::Primary, false, 0, || 0);
        line.next(0);
        line.leave(Priority::Primary, None, 0);
        grants += 1;
        assert!(grants <= 2 * LAST_FIRST, "it waits for ever");
    }
}

#[test]
fn who_can_wait_is_told_at_once_where_answers_are_slow_and_others_of_his_wait_already() {
    let mut line: Line<u32> = Line::new(Limit::between(16, 16, 64));
    let judged = |line: &mut Line<u32>, took: Nanos, now| (0..WINDOW).for_each(|_| line.limit.answered(took, now));
    judged(&mut line, 4 * MILLISECOND, 0);
    (0..4).for_each(|_| judged(&mut line, 20 * MILLISECOND, 0));
    assert_eq!(line.enter(Priority::Primary, true, 0, || 0), Entry::In);
    assert!(
        matches!(line.enter(Priority::Subject, true, 0, || 1), Entry::Waits(_)),
        "one of them has his turn some time"
    );
    assert_eq!(line.enter(Priority::Subject, true, 0, || 2), Entry::Refused);
    // A row of a stream is never turned away, and the lane waits for its place.
    assert!(matches!(line.enter(Priority::Subject, false, 0, || 3), Entry::Waits(_)));
    (0..15).for_each(|_| assert_eq!(line.enter(Priority::Primary, true, 0, || 0), Entry::In));
    for _ in 0..3 {
        assert!(matches!(line.enter(Priority::Primary, true, 0, || 4), Entry::Waits(_)));
    }
    // What was slow long ago says nothing, nor do answers that are quick again.
    line.enter(Priority::Primary, true, 2 * SECOND, || 5);
    assert!(matches!(line.enter(Priority::Subject, true, 2 * SECOND, || 6), Entry::Waits(_)));
    judged(&mut line, 20 * MILLISECOND, 2 * SECOND);
    assert_eq!(line.enter(Priority::Subject, true, 2 * SECOND, || 7), Entry::Refused);
    judged(&mut line, 4 * MILLISECOND, 2 * SECOND);
    assert!(matches!(line.enter(Priority::Subject, true, 2 * SECOND, || 8), Entry::Waits(_)));
}

/// A stream's rows took each place that goes to who would come last, and a question at the desk waited for ever.
#[test]
fn the_desk_has_its_turn_beside_a_stream_whose_rows_never_end() {
    let mut line: Line<u32> = Line::new(Limit::between(16, 16, 64));
    (0..WINDOW).for_each(|_| line.limit.answered(4 * MILLISECOND, 0));
    (0..3 * WINDOW).for_each(|_| line.limit.answered(20 * MILLISECOND, 0));
    assert_eq!(line.enter(Priority::Primary, true, 0, || 0), Entry::In);
    assert!(matches!(line.enter(Priority::Batch, false, 0, || 1), Entry::Waits(_)));
    assert!(matches!(line.enter(Priority::Subject, true, 0, || 2), Entry::Waits(_)));
    let mut grants = 0;
    while line.count(Priority::Subject).1 == 1 {
        assert_eq!(line.enter(Priority::Primary, true, 0, || 0), Entry::In, "the lane");
        while let Some(called) = line.next(0) {
            // A row that ends is followed by another.
            if called.priority == Priority::Batch && line.count(Priority::Batch).1 == 0 {
                line.enter(Priority::Batch, false, 0, || 1);
            }
        }
        line.leave(Priority::Primary, None, 0);
        grants += 1;
        assert!(grants <= 4 * LAST_FIRST, "it waits for ever");
    }
}

proptest! {
    /// Whoever asks as often as he can gets his burst and his rate, whatever else happens, and memory stays bounded.
    #[test]
    fn t07_nobody_takes_more_than_his_rate(
        asks in proptest::collection::vec((0_u8..6, 0_u64..100), 1..400),
    ) {
        let (mut buckets, mut now) = (Buckets::new(RATE, 6), 0);
        let mut taken: BTreeMap<u8, Vec<Nanos>> = BTreeMap::new();
        for (user, pause) in asks {
            now += pause * MILLISECOND;
            if buckets.take(&user, now, 0).is_ok() {
                taken.entry(user).or_default().push(now);
            }
            prop_assert!(buckets.len() <= 6);
        }
        for times in taken.values() {
            for (first, from) in times.iter().enumerate() {
                for (last, to) in times.iter().enumerate().skip(first) {
                    let allowed = 40 + (to - from) / (50 * MILLISECOND) + 1;
                    prop_assert!((last - first + 1) as u64 <= allowed);
                }
            }
        }
    }

    /// Whatever comes and goes, in whatever order: places and queues keep their bounds, everybody who waited is told once,
    /// and no place stays empty while somebody waits who may have it.
    #[test]
    fn places_and_queues_keep_their_bounds_and_nobody_is_forgotten(
        steps in proptest::collection::vec((0_usize..6, 0_u8..4, 0_u64..50), 1..300),
        places in 1_usize..12,
    ) {
        let mut line = Line::new(Limit::fixed(places));
        let (mut now, mut number) = (0, 0_u32);
        let mut held: Vec<Priority> = Vec::new();
        let mut tickets: Vec<(Priority, u64, u32)> = Vec::new();
        for (at, what, pause) in steps {
            now += pause * MILLISECOND;
            let priority = Priority::ALL[at];
            match what {
                0 | 1 => {
                    number += 1;
                    match line.enter(priority, false, now, || number) {
                        Entry::In => held.push(priority),
                        Entry::Waits(ticket) => tickets.push((priority, ticket, number)),
                        Entry::Refused => prop_assert!(line.count(priority).1 >= ADMISSION_QUEUE_MAX),
                    }
                }
                2 if !held.is_empty() => line.leave(held.remove(at % held.len()), Some(pause * MILLISECOND), now),
                3 if !tickets.is_empty() => {
                    let (priority, ticket, _) = tickets.remove(at % tickets.len());
                    prop_assert!(line.give_up(priority, ticket) && !line.give_up(priority, ticket));
                }
                _ => {}
            }
            while let Some(called) = line.next(now) {
                let known = tickets.iter().position(|(_, _, number)| *number == called.waiter);
                prop_assert_eq!(tickets.remove(known.expect("waits and was not told yet")).0, called.priority);
                if called.admitted {
                    held.push(called.priority);
                }
            }
            prop_assert!(held.len() <= places);
            let waiting: usize = Priority::ALL.iter().map(|it| line.count(*it).1).sum();
            prop_assert_eq!(waiting, tickets.len());
            for priority in Priority::ALL {
                let (served, waits) = line.count(priority);
                prop_assert_eq!(served, held.iter().filter(|it| **it == priority).count());
                prop_assert!(waits == 0 || !line.has_place(priority, now));
            }
        }
    }
}
