//! Our own server has no faults.

use super::rows::{Expected, Row, check_all};
use super::*;
use tertulia::server::DRIVERS;

fn command(mode: &str) -> Vec<String> {
    own_command(&["serve", "--mode", mode, "--addr", "127.0.0.1:{port}"])
}

fn own(mode: &str) -> Target {
    started_by(command(mode))
}

each_driver! {
    fn our_own_server_passes_the_quick_torments(mode) {
        let findings = torment(&own(mode), &torments(QUICK), &patient());
        has_no_faults(&findings);
        if cfg!(target_os = "linux") {
            assert!(findings.iter().all(|finding| finding.verdict == Verdict::Pass), "{findings:#?}");
        }
    }

    fn members_that_take_more_than_their_share_make_only_themselves_wait(mode) {
        let findings = torment(&own(mode), &torments(PRESSURE), &patient());
        has_no_faults(&findings);
        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Pass), "{findings:#?}");
    }

    fn a_running_server_skips_the_torments_that_need_its_process(mode) {
        let server = Server::start(mode);
        let some = torments(&["stop-continue", "split-line", "burst-connect", "reset-idle", "half-close", "restart"]);
        let findings = torment(&Target::Running(server.addr), &some, &patient());
        let verdicts: Vec<_> = findings.iter().map(|finding| finding.verdict).collect();
        use Verdict::*;
        assert_eq!(verdicts, [Skipped, Pass, Pass, Pass, Pass, Skipped], "{findings:#?}");
    }

    fn three_seats_are_enough(mode) {
        let target = started(&["serve", "--mode", mode, "--addr", "127.0.0.1:{port}", "--max-clients", "3"]);
        let some = torments(&["split-line", "gulp", "burst-connect", "reset-mid-fanout", "stale-event", "half-close"]);
        has_no_faults(&torment(&target, &some, &patient()));
    }

    fn a_thousand_clients_and_more_can_talk(mode) {
        let target = started(&["serve", "--mode", mode, "--addr", "127.0.0.1:{port}", "--max-clients", "2000"]);
        let findings = torment(&target, &torments(&["crowd"]), &patient());
        has_no_faults(&findings);
    }

    fn a_full_room_may_let_others_wait(mode) {
        let target =
            started(&["serve", "--mode", mode, "--addr", "127.0.0.1:{port}", "--max-clients", "4", "--when-full", "wait"]);
        let findings = torment(&target, &torments(&["full-house"]), &patient());
        has_no_faults(&findings);
        assert!(findings[0].remarks[0].en.contains("the next one waits"), "{findings:#?}");
    }
}

#[test]
#[ignore = "takes a minute"]
fn rows_of_our_own_server() {
    let modes = DRIVERS.iter().filter(|driver| driver.check().is_ok()).map(|driver| driver.name);
    check_all(modes.map(|mode| Row::new(format!("serve {mode}"), command(mode), QUICK, Expected::AllPassed)).collect());
}
