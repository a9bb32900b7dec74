//! Tests with a wall clock that jumps, as when a machine wakes up or sets its time. No timer may depend on it.

use crate::common::kernel::*;
use crate::common::process::*;
use crate::common::*;
use crate::each_driver;
use serde_json::Value;
use std::fs;
use std::process::Command;

each_driver! {
    #[ignore = "needs faketime"]
    fn the_wall_clock_jumps_and_no_timer_does(mode) {
        let dir = Dir::new();
        let (clock, history) = (dir.file("clock"), dir.file("history.jsonl"));
        let preload = run(Command::new("faketime").args(["-m", "-f", "+0s", "printenv", "LD_PRELOAD"])).stdout;
        let mut command = tertulia();
        command.args(["serve", "--addr", "127.0.0.1:0", "--mode", mode, "--history"]).arg(&history);
        command.env("LD_PRELOAD", preload.trim()).env("FAKETIME_TIMESTAMP_FILE", &clock);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        fs::write(&clock, "+0d").expect("our directory");
        let mut server = Server::of(command);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        // It has 30 seconds to take a byte.
        let (_slow, _) = overfed(&server, &mut ana);

        let mut days = Vec::new();
        for jump in ["+0d", "-2d", "+2d", "-1d"] {
            fs::write(&clock, jump).expect("our directory");
            ana.says(&format!("jump {jump}"));
            while beto.message().expect("the server stays") != format!("<ana> jump {jump}") {}
            // Written half a second later, whatever the wall clock says by then.
            let record = until("it is written", || {
                let kept = fs::read_to_string(&history).ok()?;
                kept.lines().find(|line| line.contains(&format!("jump {jump}\""))).map(str::to_owned)
            });
            let record: Value = serde_json::from_str(&record).expect("JSON");
            days.push(record["time"].as_str().expect("a time")[..10].to_owned());
        }
        assert!(days[1] < days[3] && days[3] < days[0] && days[0] < days[2], "the clock did jump: {days:?}");
        ana.says(":who");
        ana.notice("3 here: ");
        assert!(server.stop().success());
    }
}
