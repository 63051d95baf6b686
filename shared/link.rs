//! The functions' build script: links them to a fixed address.
//!
//! At any other address the dynamic linker has to write some 29,000 pointers, most of them the SDK's, on 90 pages of memory
//! before `main`: a quarter of the time to the first event. What is given up is that the program's own code stands somewhere else
//! in each process; each runs alone in its virtual machine, and has no unsafe code of ours.

fn main() {
    println!("cargo::rerun-if-changed=../../shared/link.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
