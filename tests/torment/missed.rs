//! Servers with faults that show only after a backlog, in a crowd, or now and then.

use super::verdicts::{Case, case, check_all};
use super::*;

const SERVER: &str = "missed.py";

/// All torments that connect more than a few clients.
const CROWDED: &[&str] =
    &["burst-connect", "connect-storm", "reset-backlog", "rush-hour", "flood-all", "full-house", "crowd", "churn"];

pub const CASES: &[Case] = &[
    Case {
        server: SERVER,
        fault: "none",
        torments: &["backlog", "names", "crowd", "churn", "long-lived", "full-house"],
        cause: None,
    },
    Case { server: SERVER, fault: "table-40", torments: &["crowd", "full-house"], cause: None },
    case(SERVER, "watches-writable", Cause::SpinsWhenDrained, &["backlog", "slow-reader", "idle"]),
    case(SERVER, "forgets-the-rest", Cause::ForgetsTheRest, &["backlog", "gulp"]),
    case(SERVER, "stale-buffer", Cause::StaleBuffer, &["names", "gulp"]),
    case(SERVER, "wrong-name", Cause::WrongName, &["names", "two-in-one"]),
    case(SERVER, "no-name", Cause::WrongName, &["names", "flood-all"]),
    case(SERVER, "closes-active", Cause::ClosesActive, &["long-lived", "names"]),
    case(SERVER, "leaks", Cause::Leaks, &["churn", "names"]),
    case(SERVER, "unbounded-line", Cause::UnboundedLine, &["endless-line", "gulp"]),
    case("threads.py", "lock-order", Cause::Deadlock, &["flood-all", "rush-hour", "closed-stdout", "stop-continue"]),
    case(SERVER, "table-64 dies", Cause::FixedTable, &["crowd", "full-house"]),
    case(SERVER, "table-1024 deaf", Cause::FixedTable, &["crowd", "full-house"]),
    case(SERVER, "table-5 dies", Cause::FixedTable, CROWDED),
    case(SERVER, "table-5 deaf", Cause::FixedTable, CROWDED),
];

#[test]
#[ignore = "needs python3"]
fn each_rare_fault_is_named_and_no_other() {
    check_all(CASES);
}
