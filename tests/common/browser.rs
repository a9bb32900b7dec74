//! A page in a real browser, with a script at its end that acts like a user and records what it sees.

use super::process::{Ended, run};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Returns the object `seen`, which the script `acts` fills, on the page `html`. The page is opened from the directory
/// of `page`. Checks that nothing fails, and that nothing is requested from a network.
#[track_caller]
pub fn sees(page: &Path, html: &str, acts: &str) -> Value {
    let script = format!(
        "<pre id=\"seen\"></pre><script>{{ const seen = {{}};\n{acts}\n\
         seen.requests = performance.getEntriesByType('resource').length;\n\
         document.getElementById('seen').textContent = JSON.stringify(seen); }}</script></body>"
    );
    let acted = page.with_file_name("acted.html");
    fs::write(&acted, html.replace("</body>", &script)).expect("a page");
    let Ended { stdout, stderr, .. } = opens(&acted);
    assert!(!stderr.contains("CONSOLE"), "{stderr}");
    let (_, seen) = stdout.split_once("<pre id=\"seen\">").expect("the script's place");
    let (seen, _) = seen.split_once("</pre>").expect("its end");
    let seen = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let seen: Value = serde_json::from_str(&seen).expect("what it saw");
    assert_eq!(seen["requests"], 0);
    seen
}

/// Opens a page, lets its scripts run, and returns what the browser wrote: the page on stdout.
#[track_caller]
pub fn opens(page: &Path) -> Ended {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let name = names.iter().find(|name| Command::new(name).arg("--version").output().is_ok()).expect("a browser");
    let mut browser = Command::new(name);
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1366,768"]);
    browser.args(["--virtual-time-budget=5000", "--dump-dom"]);
    browser.arg(format!("--user-data-dir={}", page.with_file_name("profile").display()));
    run(browser.arg(format!("file://{}", page.display())))
}
