//! A few workers, each with a rig of its own, that take cases until there are none.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use futures_util::FutureExt as _;
use integration_tests::emulator::Emulator;

use super::rig::Rig;

/// Most of a case is waiting, for time-outs and pauses.
const WORKERS: usize = 9;
/// An emulator uses one core at the most.
const EMULATORS: usize = 3;

/// Runs `one` for each case and answers how many there were. One that panics has said why, and fails the test in the end.
pub fn each<C, F>(cases: Vec<C>, one: &F) -> usize
where
    C: Send,
    F: AsyncFn(&Rig, usize, C) + Sync,
{
    let (count, failed) = (cases.len(), AtomicUsize::new(0));
    let cases = Mutex::new(cases.into_iter().enumerate().collect::<VecDeque<_>>());
    let emulators: Vec<Emulator> = (0..EMULATORS).map(|_| Emulator::start()).collect();
    let work = &|emulator: &Emulator| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let rig = Rig::new(emulator).await;
            loop {
                let next = cases.lock().unwrap().pop_front();
                let Some((number, case)) = next else {
                    return;
                };
                rig.world.proxy.lift(); // what a case that failed left
                let case = AssertUnwindSafe(one(&rig, number, case));
                if case.catch_unwind().await.is_err() {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    };
    thread::scope(|scope| {
        let start = |number: usize| {
            let emulator = &emulators[number % EMULATORS];
            scope.spawn(move || work(emulator))
        };
        let workers: Vec<_> = (0..WORKERS).map(start).collect();
        for worker in workers {
            worker
                .join()
                .expect("a worker has met a fault of the bench");
        }
    });
    let failed = failed.into_inner();
    assert_eq!(failed, 0, "of {count} cases failed: see above");
    count
}
