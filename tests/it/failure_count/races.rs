//! Two copies of failure-count and one App.

use std::collections::BTreeSet;
use std::time::Duration;

use double::Fault;
use rig::World;
use tokio::join;

use super::{assert_counted, deliver, hint, key, put_rows, start, told};
use crate::app::APP;

#[tokio::test]
async fn two_copies_at_once_count_each_row_once_and_decide_each_warning_once() {
    let world = World::new().await;
    let (one, other) = (start(&world), start(&world));
    // So that both have read before either writes.
    let slow = Fault::Latency(Duration::from_millis(20));
    world.inject(slow.on("s3", "PutObject"));
    let letters = "fffffffffofffffxfffdfffffffff";
    for round in 1..=letters.len() {
        put_rows(&world, APP, &letters[..round]).await;
        let hint = hint(&world, APP, round as u64);
        let (first, second) = join!(one.invoke(&hint), other.invoke(&hint));
        for answer in [first.answer(), second.answer()] {
            assert_eq!(answer["countedSeq"], round, "{answer}");
        }
    }
    assert_counted(&world, APP, 29, 9, "both").await;
    // An event may come twice; a second decision would have another request or another count.
    let told = told(&world, APP).into_iter().collect::<BTreeSet<_>>();
    let all = [
        "W3 request-3",
        "W6 request-6",
        "W9 request-9",
        "C9 request-10",
        "W3 request-13",
        "C5 request-16",
        "W3 request-19",
        "C3 request-20",
        "W3 request-23",
        "W6 request-26",
        "W9 request-29",
    ];
    assert_eq!(told, all.map(str::to_owned).into());
    let lost = world.proxy.calls().into_iter();
    let lost = lost.filter(|call| call.status == Some(412)).count();
    assert!(lost > 10, "only {lost} races");
}

#[tokio::test]
async fn a_lost_race_is_run_again_with_the_rows_of_then() {
    let world = World::new().await;
    let function = start(&world);
    put_rows(&world, APP, "fff").await;
    let lost = Fault::Error {
        status: 412,
        code: "PreconditionFailed",
    };
    world.inject(lost.on("s3", "PutObject").times(2));
    let answer = deliver(&function, &hint(&world, APP, 3)).await;
    assert_eq!(answer["events"], 1, "{answer}");
    assert_counted(&world, APP, 3, 3, "the third try").await;
    assert_eq!(told(&world, APP), ["W3 request-3"]);
    let calls = world.proxy.calls().into_iter();
    let reads = calls.filter(|call| call.operation == "GetObject");
    let states: Vec<&str> = ["failures", "promotion"].repeat(3);
    let read: Vec<String> = reads.map(|call| call.path).collect();
    assert_eq!(read.len(), states.len(), "{read:?}");
    for (path, state) in read.iter().zip(states) {
        assert!(path.contains(&key(APP, state)), "{read:?}");
    }
}
