//! A few workers, each with a rig of its own, that take cases until there are none.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::thread;

use integration_tests::emulator::Emulator;

use super::rig::Rig;

/// Most of a case is waiting, for time-outs and pauses.
const WORKERS: usize = 9;
/// An emulator uses one core at the most.
const EMULATORS: usize = 3;

/// Runs `one` for each case and answers how many there were; the first that panics stops the test with its message.
pub fn each<C, F>(cases: Vec<C>, one: &F) -> usize
where
    C: Send,
    F: AsyncFn(&Rig, usize, C) + Sync,
{
    let count = cases.len();
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
                one(&rig, number, case).await;
            }
        });
    };
    let failed = thread::scope(|scope| {
        let start = |number: usize| {
            let emulator = &emulators[number % EMULATORS];
            scope.spawn(move || work(emulator))
        };
        let workers: Vec<_> = (0..WORKERS).map(start).collect();
        let ended = workers.into_iter().map(thread::ScopedJoinHandle::join);
        ended.filter(Result::is_err).count()
    });
    assert_eq!(failed, 0, "workers met a case that failed: see above");
    count
}
