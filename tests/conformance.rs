//! One suite for both drivers: what the world does to a chat server, and what must come of it.

mod common;
use common::*;

both_modes! {
    fn a_line_reaches_everybody_but_its_sender(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        ana.says("hola");
        beto.sees("<ana> hola");
        cleo.sees("<ana> hola");
        beto.says("que tal");
        ana.sees("<beto> que tal");
        cleo.sees("<beto> que tal");
    }
}
