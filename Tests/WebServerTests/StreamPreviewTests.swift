import Domain
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import WebServer

/// Stills and levels: a DJ's own, and everybody's for operators.
@Suite(.timeLimit(.minutes(1))) struct StreamPreviewTests {
    private static let entries = "/api/v1/channels/main/entries/"

    /// A site where Ada and Bob wait and send.
    private func site(
        _ body: @Sendable (TestSite, SignedIn, _ own: EntryID, _ other: EntryID) async throws -> Void
    ) async throws {
        try await TestSite.run { site async throws in
            let dj = try await site.session("Ada")
            let (ada, bob) = (FakeQueueDesk.entry("Ada", user: dj.account.id), FakeQueueDesk.entry("Bob"))
            site.queue.update { $0.entries = [ada, bob] }
            site.previews.stills.withLock {
                $0[dj.account.id] = ByteBuffer(string: "\u{1}ada")
                $0[bob.user] = ByteBuffer(string: "\u{1}bob")
            }
            try await body(site, dj, ada.id, bob.id)
        }
    }

    @Test func showsADJTheirOwnPictureAndOperatorsAll() async throws {
        try await site { site, dj, own, other async throws in
            let answer = try await site.read(Self.entries + "\(own)/still.jpg", as: dj)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "image/jpeg")
            #expect(answer.headers["cache-control"] == "no-store")
            #expect(answer.body == "\u{1}ada")
            #expect(try await site.read(Self.entries + "\(other)/still.jpg", as: dj).status == 403)
            let token = try await site.tokens.make(.operator)
            #expect(try await site.call("GET", Self.entries + "\(other)/still.jpg", token: token).body == "\u{1}bob")
            #expect(try await site.send("GET", Self.entries + "\(own)/still.jpg").status == 401)
        }
    }

    @Test func saysSoWhileThereIsNoPicture() async throws {
        try await site { site, dj, own, _ async throws in
            site.previews.stills.withLock { $0 = [:] }
            let answer = try await site.read(Self.entries + "\(own)/still.jpg?at=5", as: dj)
            #expect(answer.status == 404)
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(answer.body.contains("no picture of this stream yet"))
            #expect(try await site.read("/api/v1/me/level", as: dj).status == 404)
            site.previews.isFull.withLock { $0 = true }
            #expect(try await site.read("/api/v1/me/level", as: dj).status == 503)
        }
    }

    @Test func followsLevelsUntilThePublisherEnds() async throws {
        try await site { site, dj, own, _ async throws in
            for path in ["/api/v1/me/level", Self.entries + "\(own)/level"] {
                try await RawConnection.open(port: site.port, group: TestSite.group) { reader, writer async throws in
                    try await writer.write(
                        ByteBuffer(
                            string: "GET \(path) HTTP/1.1\r\nHost: x\r\nCookie: lineup=\(dj.token.exposed)\r\n"
                                + "Connection: close\r\n\r\n"))
                    #expect(try await reader.read(until: "retry: 2000\n\n"))
                    let listener = site.previews.listeners.withLock { $0[dj.account.id] }
                    let left = SoundLevels.Channel(peak: -6.5, rms: -12)
                    listener?.yield(SoundLevels(channels: [left, .init(peak: -120, rms: -120)]))
                    #expect(try await reader.read(until: "event: level\ndata: {"))
                    listener?.finish()
                    await reader.readToEnd()
                    #expect(reader.text.contains(#"{"channels":[{"peak":-6.5,"rms":-12},{"peak":-120,"rms":-120}],"#))
                    #expect(reader.text.contains(#""peak":-6.5,"rms":-12}"#))
                }
            }
        }
    }

    @Test func nobodyFollowsSomebodyElse() async throws {
        try await site { site, dj, _, other async throws in
            #expect(try await site.read(Self.entries + "\(other)/level", as: dj).status == 403)
            #expect(try await site.send("GET", "/api/v1/me/level").status == 401)
        }
    }
}
