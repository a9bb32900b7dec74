//! A page in a real browser, with a script at its end that acts like a user and records what it sees.

use super::process::{Ended, run};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Returns the object `seen`, which the script `acts` fills, on the page `html`. The script may `await`, and `until(condition)` waits
/// for something. The page is opened from the directory of `page`. Checks that nothing fails, and that nothing is requested from a network.
#[track_caller]
pub fn sees(page: &Path, html: &str, acts: &str) -> Value {
    let script = format!(
        "<pre id=\"seen\"></pre><script>(async () => {{ const seen = {{}};\n\
         // A change makes the browser draw, and what waits for that goes on.\n\
         const turn = i => new Promise(done => {{ document.getElementById('seen').textContent = i; setTimeout(done, 20); }});\n\
         const until = async is => {{ for (let i = 0; i < 100 && !is(); i++) await turn(i); return is(); }};\n\
         {acts}\n\
         seen.requests = performance.getEntriesByType('resource').length;\n\
         document.getElementById('seen').textContent = JSON.stringify(seen); }})();</script></body>"
    );
    let acted = page.with_file_name("acted.html");
    fs::write(&acted, html.replace("</body>", &script)).expect("a page");
    let seen = seen_on(&acted);
    assert_eq!(seen["requests"], 0);
    seen
}

/// What the script on a page wrote down.
#[track_caller]
fn seen_on(page: &Path) -> Value {
    let Ended { stdout, stderr, .. } = opens(page);
    assert!(!stderr.contains("CONSOLE"), "{stderr}");
    let (_, seen) = stdout.split_once("<pre id=\"seen\">").expect("the script's place");
    let (seen, _) = seen.split_once("</pre>").expect("its end");
    let seen = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&seen).expect("what it saw")
}

/// Checks that nothing on a page is wider than the window of a phone, a tablet or a notebook, what is folded included. A window of
/// a browser cannot be as narrow as that of a phone, but a frame can.
#[track_caller]
pub fn fits(page: &Path) {
    let name = page.file_name().expect("a name").to_string_lossy();
    let frames = format!(
        "<!DOCTYPE html><body><pre id=\"seen\"></pre><script>const seen = {{}};\n\
         for (const width of [390, 768, 1280]) {{\n\
           const frame = document.createElement('iframe');\n\
           Object.assign(frame.style, {{ width: `${{width}}px`, height: '800px', border: 0 }});\n\
           frame.src = '{name}';\n\
           frame.onload = () => {{\n\
             const page = frame.contentDocument;\n\
             page.querySelectorAll('details').forEach(details => {{ details.open = true; }});\n\
             seen[width] = [frame.contentWindow.innerWidth, page.documentElement.scrollWidth];\n\
             document.getElementById('seen').textContent = JSON.stringify(seen);\n\
           }};\n\
           document.body.append(frame);\n\
         }}</script></body>"
    );
    let outer = page.with_file_name("frames.html");
    fs::write(&outer, frames).expect("a page");
    let seen = seen_on(&outer);
    for width in [390, 768, 1280] {
        let [inner, needed] = [0, 1].map(|i| seen[width.to_string()][i].as_u64().expect("a width"));
        assert!(inner == width && needed <= width, "{width}: {seen}");
    }
}

/// The number of pages that a page takes on paper.
#[track_caller]
pub fn pages_on_paper(page: &Path) -> usize {
    let pdf = page.with_extension("pdf");
    let ended = run(browser(page).arg(format!("--print-to-pdf={}", pdf.display())).arg(url(page)));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let pdf = String::from_utf8_lossy(&fs::read(pdf).expect("a file")).into_owned();
    pdf.matches("/Type /Page").count() - pdf.matches("/Type /Pages").count()
}

/// Opens a page, lets its scripts run, and returns what the browser wrote: the page on stdout.
#[track_caller]
pub fn opens(page: &Path) -> Ended {
    run(browser(page).arg("--dump-dom").arg(url(page)))
}

/// A browser whose profile is in the directory of the page.
fn browser(page: &Path) -> Command {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let name = names.iter().find(|name| Command::new(name).arg("--version").output().is_ok()).expect("a browser");
    let mut browser = Command::new(name);
    browser.args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--window-size=1366,768"]);
    // A page may look into its frames.
    browser.args(["--virtual-time-budget=5000", "--allow-file-access-from-files"]);
    browser.arg(format!("--user-data-dir={}", page.with_file_name("profile").display()));
    browser
}

fn url(page: &Path) -> String {
    format!("file://{}", page.display())
}
