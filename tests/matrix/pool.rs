//! A few workers, each with a Rack of its own, that take cases until there are none.
//!
//! It says how far they are while they run, and stops a case that does not end: in memory, one that waits for nothing is seen at
//! once, since time then runs to the limit.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::process;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use rig::emulator::{self, Emulator};

use super::rack::Rack;

/// Most of a case on processes is waiting, for time-outs and pauses.
const WORKERS_OF_PROCESSES: usize = 9;
/// An emulator uses one core at the most.
const EMULATORS: usize = 3;
/// A deletion looks at every ECS service of its cluster, so what earlier cases left must not grow beyond what quick limits
/// allow on a busy machine. In memory nothing is left.
const CASES_OF_A_RIG: usize = 30;
/// A debug build's futures are large.
const STACK_BYTES: usize = 64 << 20;
/// How long a case may take by its own clock.
const LIMIT: Duration = Duration::from_hours(3);
const LIMIT_OF_PROCESSES: Duration = Duration::from_mins(5);
/// How long it may take by everybody's, before the whole test is ended: such a case does not even wait.
const LAST_LIMIT: Duration = Duration::from_mins(10);
const PROGRESS: Duration = Duration::from_secs(10);

/// Where cases run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The handlers in this process, everything behind them in memory, time as it is needed.
    Memory,
    /// The built programs under the runtime emulator, and the emulator.
    Processes,
}

/// The cases that are left, and how it went so far.
struct Work<C> {
    what: String,
    left: Mutex<VecDeque<(usize, C)>>,
    count: usize,
    failed: Mutex<Vec<String>>,
    under_way: Mutex<Vec<Option<(String, Instant)>>>,
}

/// Runs `one` for each case and answers how many there were. One that panics has said why, and fails the test in the end.
pub fn each<C, F>(place: Place, what: &str, cases: Vec<C>, one: &F) -> usize
where
    C: Send + Display,
    F: AsyncFn(&Rack, usize, C) + Sync,
{
    let mut cases = mixed(cases);
    if let Some(every) = super::every() {
        cases = match place {
            Place::Memory => cases.into_iter().step_by(every).collect(),
            Place::Processes => VecDeque::new(),
        };
    }
    let workers = match place {
        Place::Memory => thread::available_parallelism().map_or(2, usize::from),
        Place::Processes => WORKERS_OF_PROCESSES.min(cases.len()),
    };
    let work = Work {
        what: what.to_owned(),
        count: cases.len(),
        left: Mutex::new(cases),
        failed: Mutex::default(),
        under_way: Mutex::new(vec![None; workers]),
    };
    let emulators: Vec<Emulator> = match place {
        Place::Memory => Vec::new(),
        Place::Processes => (0..EMULATORS.min(workers))
            .map(|_| Emulator::start())
            .collect(),
    };
    let work = &work;
    thread::scope(|scope| {
        let start = |number: usize| {
            let emulator = (!emulators.is_empty()).then(|| &emulators[number % emulators.len()]);
            let worker = thread::Builder::new().stack_size(STACK_BYTES);
            let worker = worker.spawn_scoped(scope, move || work.run(number, emulator, one));
            worker.expect("cannot start a thread")
        };
        let workers: Vec<_> = (0..workers).map(start).collect();
        let mut told = Instant::now();
        while workers.iter().any(|worker| !worker.is_finished()) {
            thread::sleep(Duration::from_millis(20));
            work.end_if_stuck();
            if told.elapsed() >= PROGRESS {
                told = Instant::now();
                work.print_progress();
            }
        }
        for worker in workers {
            worker
                .join()
                .expect("a worker has met a fault of the test itself");
        }
    });
    let failed = work.failed.lock().unwrap();
    let (count, of) = (failed.len(), work.count);
    assert!(
        failed.is_empty(),
        "{count} of {of} cases failed:\n{}",
        failed.join("\n")
    );
    of
}

/// Runs one thing on a Rack of its own, in memory.
pub fn once<T: Send>(one: impl AsyncFnOnce(&Rack) -> T + Send) -> T {
    on_large_stack(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let rack = Rack::in_memory().await;
            one(&rack).await
        })
    })
}

/// The same on processes.
pub fn once_on_processes<T: Send>(one: impl AsyncFnOnce(&Rack) -> T + Send) -> T {
    on_large_stack(|| {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build();
        runtime.unwrap().block_on(async {
            let rack = Rack::of_processes(emulator::shared()).await;
            one(&rack).await
        })
    })
}

fn on_large_stack<T: Send>(one: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK_BYTES);
        let thread = thread
            .spawn_scoped(scope, one)
            .expect("cannot start a thread");
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Neighbours are alike: apart from each other they share what the SDK keeps for a whole process, its budgets of retries.
fn mixed<C>(cases: Vec<C>) -> VecDeque<(usize, C)> {
    let mut cases: Vec<_> = cases.into_iter().enumerate().collect();
    cases.sort_by_key(|(number, _)| number.wrapping_mul(2_654_435_761) % (1 << 32));
    cases.into()
}

impl<C: Display> Work<C> {
    fn run<F>(&self, worker: usize, emulator: Option<&Emulator>, one: &F)
    where
        F: AsyncFn(&Rack, usize, C) + Sync,
    {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime
            .enable_all()
            .start_paused(emulator.is_none())
            .build();
        runtime.unwrap().block_on(async {
            let (mut rack, limit) = match emulator {
                Some(emulator) => (Rack::of_processes(emulator).await, LIMIT_OF_PROCESSES),
                None => (Rack::in_memory().await, LIMIT),
            };
            let mut done = 0;
            while let Some((number, case)) = self.next(worker) {
                if let Some(emulator) = emulator.filter(|_| done == CASES_OF_A_RIG) {
                    rack = Rack::of_processes(emulator).await;
                    done = 0;
                }
                done += 1;
                rack.world.proxy.lift(); // what a case that failed left
                let name = case.to_string();
                let case = async {
                    one(&rack, number, case).await;
                    rack.judge();
                };
                let case = tokio::time::timeout(limit, Box::pin(case));
                let failed = match AssertUnwindSafe(case).catch_unwind().await {
                    Ok(Ok(())) => continue,
                    Ok(Err(_)) => format!("{name}: it does not end within {limit:?}"),
                    Err(_) => name,
                };
                self.failed.lock().unwrap().push(failed);
            }
        });
    }

    fn next(&self, worker: usize) -> Option<(usize, C)> {
        let next = self.left.lock().unwrap().pop_front();
        let name = next
            .as_ref()
            .map(|(_, case)| (case.to_string(), Instant::now()));
        self.under_way.lock().unwrap()[worker] = name;
        next
    }

    /// Written past the harness, which shows nothing of a test that is still running.
    fn print_progress(&self) {
        let (left, failed) = (
            self.left.lock().unwrap().len(),
            self.failed.lock().unwrap().len(),
        );
        let begun = self.count - left;
        let line = format!(
            "{}: {begun} of {} cases, {failed} failed\n",
            self.what, self.count
        );
        let _ = std::io::stderr().write_all(line.as_bytes());
    }

    /// A case that neither ends nor waits cannot be stopped, only the process.
    fn end_if_stuck(&self) {
        let under_way = self.under_way.lock().unwrap();
        let mut under_way = under_way.iter().flatten();
        if let Some((name, _)) = under_way.find(|(_, since)| since.elapsed() > LAST_LIMIT) {
            let line = format!(
                "{}: {name}: it does not end within {LAST_LIMIT:?}\n",
                self.what
            );
            let _ = std::io::stderr().write_all(line.as_bytes());
            process::exit(101);
        }
    }
}

#[test]
fn a_case_that_waits_for_nothing_is_reported_by_its_name() {
    let never = async |_: &Rack, _: usize, _: &str| std::future::pending().await;
    let each = || {
        each(
            Place::Memory,
            "a case without end",
            vec!["its name"],
            &never,
        )
    };
    let panic = std::panic::catch_unwind(AssertUnwindSafe(each)).unwrap_err();
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.contains("its name: it does not end within"), "{said}");
}
