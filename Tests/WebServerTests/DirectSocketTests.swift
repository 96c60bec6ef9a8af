import Domain
import Glibc
import NIOCore
import NIOPosix
import TestKit
import Testing

@testable import WebServer

/// Answers that a socket takes at once, in part, or not at all: the same bytes in the same order.
@Suite(.timeLimit(.minutes(1))) struct DirectSocketTests {
    private static let letters = (0..<4_000_000).map { UInt8(48 + ($0 &* 31 >> 3) % 64) }

    private static func text(_ range: Range<Int>) -> String { String(decoding: letters[range], as: UTF8.self) }

    private static func get(_ name: String) -> ByteBuffer {
        ByteBuffer(string: "GET /dash/main/\(name) HTTP/1.1\r\nHost: x\r\n\r\n")
    }

    private static let goodbye = "HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    private static func set(_ name: String, _ pieces: [DeliveredContent], _ site: TestSite) {
        site.origin.set(
            name,
            to: .found(
                .init(content: .pieces(pieces), contentType: "video/mp4", caching: .immutable, entityTag: "\"x\"")))
    }

    /// The bodies of the answers in `text`, each of which must be whole; the last is the farewell's.
    private static func bodies(_ text: String) throws -> [String] {
        let farewell = try #require(text.ranges(of: "HTTP/1.1 ").last)
        var (rest, found) = (text.utf8[..<farewell.lowerBound], [String]())
        while !rest.isEmpty {
            let end = try #require(rest.firstRange(of: Array("\r\n\r\n".utf8)))
            let head = try #require(RawAnswer(String(decoding: rest[..<end.upperBound], as: UTF8.self)))
            let length = try #require(head.headers["content-length"].flatMap { Int($0) })
            #expect(head.status == 200)
            let body = rest[end.upperBound...].prefix(length)
            #expect(body.count == length)
            found.append(String(decoding: body, as: UTF8.self))
            rest = rest[end.upperBound...].dropFirst(length)
        }
        return found
    }

    /// Far more than the two sockets hold, asked for by who reads only when it has asked.
    @Test func whatTheSocketDoesNotTakeFollowsInOrder() async throws {
        try await TestSite.run { site async throws in
            let file = try #require(TemporaryFile())
            file.write(Self.letters)
            Self.set(
                "video-large.m4s",
                [
                    .bytes(ByteBuffer(string: "head")), .file(file, 7..<3_000_007), .bytes(ByteBuffer(string: "then")),
                    .bytes(ByteBuffer(string: Self.text(0..<2_000_000))), .file(file, 100..<1_100),
                    .file(file, 1_000_000..<4_000_000),
                ], site)
            let large =
                "head" + Self.text(7..<3_000_007) + "then" + Self.text(0..<2_000_000) + Self.text(100..<1_100)
                + Self.text(1_000_000..<4_000_000)
            let text = try await RawConnection.open(port: site.port, group: TestSite.group, receiveBuffer: 8_192) {
                reader, writer in
                for _ in 0..<2 {
                    try await writer.write(Self.get("video-large.m4s"))
                    // Now the socket is full and the rest is the channel's.
                    try await Task.sleep(for: .milliseconds(100))
                    let wanted = reader.raw.readableBytes + large.utf8.count
                    while reader.raw.readableBytes < wanted, try await reader.readMore() {}
                }
                try await writer.write(ByteBuffer(string: Self.goodbye))
                await reader.readToEnd()
                return reader.text
            }
            #expect(try Self.bodies(text) == [large, large])
        }
    }

    /// Behind an answer of which a little waits in the channel, and behind one of which much does.
    @Test func nothingOvertakesWhatWaits() async throws {
        try await TestSite.run { site async throws in
            let file = try #require(TemporaryFile())
            file.write(Self.letters)
            let sizes = (0..<160).map { 1_000 + $0 * 37 % 40 * 2_500 }
            for (index, size) in sizes.enumerated() {
                Self.set(
                    "video-\(index).m4s", [.bytes(ByteBuffer(string: "\(index):")), .file(file, index..<index + size)],
                    site)
            }
            let text = try await RawConnection.open(port: site.port, group: TestSite.group, receiveBuffer: 8_192) {
                reader, writer in
                for index in sizes.indices {
                    try await writer.write(Self.get("video-\(index).m4s"))
                    // Requests that come together take the other way.
                    try await Task.sleep(for: .milliseconds(1))
                }
                try await writer.write(ByteBuffer(string: Self.goodbye))
                await reader.readToEnd()
                return reader.text
            }
            #expect(
                try Self.bodies(text) == sizes.enumerated().map { "\($0):" + Self.text($0..<$0 + $1) })
        }
    }

    @Test func whoGoesInTheMiddleOfAnAnswerHarmsNobody() async throws {
        try await TestSite.run { site async throws in
            let file = try #require(TemporaryFile())
            file.write(Self.letters)
            Self.set("video-large.m4s", [.file(file, 0..<4_000_000)], site)
            Self.set("video-small.m4s", [.file(file, 0..<10)], site)
            for turn in 0..<40 {
                try await RawConnection.open(port: site.port, group: TestSite.group, receiveBuffer: 8_192) {
                    reader, writer in
                    try await writer.write(Self.get("video-large.m4s"))
                    if turn % 2 == 0 { _ = try await reader.readMore() }
                }
            }
            #expect(try await site.send("GET", "/dash/main/video-small.m4s").body == Self.text(0..<10))
        }
    }

    /// The peer makes room while the channel has something to write and has not heard of it.
    @Test func theChannelsRestGoesBeforeTheNextAnswer() async throws {
        var ends: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let peer = ends[1]
        defer { close(peer) }
        #expect(fcntl(peer, F_SETFL, O_NONBLOCK) == 0)
        var size: CInt = 4_096
        setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<CInt>.size))
        let channel = try await ClientBootstrap(group: TestSite.group).withConnectedSocket(ends[0]).get()
        let text = try await channel.eventLoop.submit { () -> String in
            let origin = FakeDeliveryOrigin()
            // Few enough for the channel to be writable with all of it.
            origin.set(
                "1.m4s", body: [UInt8](repeating: 49, count: 40_000), contentType: "video/mp4", caching: .immutable)
            origin.set("2.m4s", body: [UInt8](repeating: 50, count: 40), contentType: "video/mp4", caching: .immutable)
            try DeliveryFastPath.add(to: channel, origin)
            var text = ""
            for name in ["1.m4s", "2.m4s"] {
                channel.pipeline.syncOperations.fireChannelRead(
                    NIOAny(ByteBuffer(string: "GET /hls/main/\(name) HTTP/1.1\r\nHost: x\r\n\r\n")))
                text += Self.whatIsThere(peer)
            }
            return text
        }.get()
        #expect(text.utf8.count < 40_000)
        var whole = text
        // The loop writes the rest when the socket tells it; this end is nobody's channel, and is looked at.
        while !whole.hasSuffix("2") {
            try await Task.sleep(for: .milliseconds(1))
            whole += Self.whatIsThere(peer)
        }
        let body = try #require(whole.ranges(of: "\r\n\r\n").first?.upperBound)
        #expect(whole[body...].prefix { $0 == "1" }.utf8.count == 40_000)
        try await channel.close()
    }

    private static func whatIsThere(_ peer: CInt) -> String {
        var (text, bytes) = ("", [UInt8](repeating: 0, count: 65_536))
        while true {
            let count = read(peer, &bytes, bytes.count)
            guard count > 0 else { return text }
            text += String(decoding: bytes.prefix(count), as: UTF8.self)
        }
    }
}
