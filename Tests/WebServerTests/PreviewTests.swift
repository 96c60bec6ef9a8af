import Domain
import Foundation
import NIOCore
import TestKit
import Testing
import WebServer

/// Not a test: the pages with made-up DJs, to look at while working on `web/`.
///
///     LINEUP_PREVIEW_PORT=8123 swift test --filter preview
///
/// `LINEUP_PREVIEW_HLS` may name a folder with an `index.m3u8` and its segments. Ada (`ada@example.org`, a DJ) and Root
/// (`root@example.org`, an admin) have the password `a long password`. Stop it with Ctrl-C.
@Test(.enabled(if: ProcessInfo.processInfo.environment["LINEUP_PREVIEW_PORT"] != nil))
func preview() async throws {
    let environment = ProcessInfo.processInfo.environment
    let port = environment["LINEUP_PREVIEW_PORT"].flatMap { Int($0) } ?? 0
    try await TestSite.run(adjust: { $0.port = port }) { site async throws in
        let ada = try await site.session("ada").account
        _ = try await site.session("root", role: .admin)
        let now = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        site.queue.update { view in
            view.at = now
            view.showing = .dj
            view.entries = [
                FakeQueueDesk.entry("Mira Solène", onAir: true, remaining: 1_742),
                FakeQueueDesk.entry("DJ Northwind"),
                FakeQueueDesk.entry(
                    "ada", user: ada.id, missing: ["No key frame for 6 s: set the key-frame interval to 2 s."]),
                FakeQueueDesk.entry("The Extraordinarily Long-Winded Selector of Sunday Mornings"),
                FakeQueueDesk.entry("Kestrel", connected: false, at: now),
            ]
        }
        if let folder = environment["LINEUP_PREVIEW_HLS"] {
            for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
                let bytes = try Data(contentsOf: URL(fileURLWithPath: folder).appendingPathComponent(name))
                let isPlaylist = name.hasSuffix(".m3u8")
                site.origin.set(
                    name, body: Array(bytes), contentType: isPlaylist ? "application/vnd.apple.mpegurl" : "video/mp4",
                    caching: isPlaylist ? .seconds(1) : .immutable)
            }
        }
        try await Task.sleep(for: .seconds(36_000))
    }
}
