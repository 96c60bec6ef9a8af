import NIOCore
import RTMP
import TestKit
import Testing

/// Encoders that cannot be installed here, in the bytes that they are known to send (`ServerConnection+Messages.swift` says from
/// where): `connect`, the commands of the stream and `publish`, each in its own order and words.
struct EncoderPeculiarityTests {
    private func transcript(_ hexadecimal: String) throws -> [String] {
        var script = ClientScript()
        script.handshake()
        script.raw(hexadecimal)
        var transcript = Transcript()
        try transcript.receive(script.bytes)
        return transcript.decisions
    }

    /// A chunk of type 0 on stream 3, or 8 for publish, as long as its hexadecimal body is.
    private func chunk(_ body: String, chunkStream: String = "03", messageStream: String = "00000000") -> String {
        let count = bytes(body).count
        // Commands longer than a chunk of 128 bytes go on behind a type 3 header.
        let all = bytes(body)
        let pieces = stride(from: 0, to: count, by: 128).map { TestKit.hexadecimal(all[$0..<min($0 + 128, count)]) }
        let again = TestKit.hexadecimal([0xC0 | TestKit.bytes(chunkStream)[0]])
        let length = TestKit.hexadecimal([UInt8(count >> 16), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)])
        return "\(chunkStream) 000000 \(length) 14 \(messageStream) " + pieces.joined(separator: " \(again) ")
    }

    // AMF 0, spelt out: "connect" 1 { app …, flashVer …, tcUrl … }.
    private static let connect = "02 0007 636f6e6e656374 00 3ff0000000000000 03"
    private static let app = "0003 617070 02"
    private static let flashVer = "0008 666c617368566572 02"
    private static let tcURL = "0005 746355726c 02"
    private static let end = "000009"
    private static let releaseStream = "02 000d 72656c6561736553747265616d"
    private static let fcPublish = "02 0009 46435075626c697368"
    private static let createStream = "02 000c 63726561746553747265616d"
    private static let publish = "02 0007 7075626c697368"

    /// vMix: through ffmpeg with FMLE's name; the key was pasted with a blank before and a line's end behind it.
    @Test func vMixWithAPastedKey() throws {
        let key = "02 000c 20 6c6b5f7368656c6c7931 0a"  // " lk_shelly1\n"
        let bytes =
            chunk(
                "\(Self.connect) \(Self.app) 0004 6c697665 0004 74797065 02 000a 6e6f6e70726976617465"
                    // "FMLE/3.0 (compatible; Lavf58"
                    + " \(Self.flashVer) 001c 464d4c452f332e302028636f6d70617469626c653b204c6176663538"
                    // "rtmp://h:1935/live"
                    + " \(Self.tcURL) 0012 72746d703a2f2f683a313933352f6c697665 \(Self.end)")
            + chunk("\(Self.releaseStream) 00 4000000000000000 05 \(key)")
            + chunk("\(Self.fcPublish) 00 4008000000000000 05 \(key)")
            + chunk("\(Self.createStream) 00 4010000000000000 05")
            + chunk(
                "\(Self.publish) 00 4014000000000000 05 \(key) 02 0004 6c697665", chunkStream: "08",
                messageStream: "01000000")
        #expect(try transcript(bytes).last == "authorise live lk_shelly1")
    }

    /// Wirecast: its own name, FCPublish awaited, a query behind the key, and "append" for a publish type.
    @Test func wirecastWithAQueryAndAppend() throws {
        let key = "02 000b 6c6b5f77697265 3f753d31"  // "lk_wire?u=1"
        let bytes =
            chunk(
                "\(Self.connect) \(Self.app) 0005 6c6976652f"  // "live/"
                    + " \(Self.flashVer) 000f 57697265636173742f464d20312e30"  // "Wirecast/FM 1.0"
                    + " 0006 73776655726c 02 0009 72746d703a2f2f682f"  // swfUrl "rtmp://h/"
                    + " \(Self.tcURL) 000e 72746d703a2f2f682f6c6976652f \(Self.end)")  // "rtmp://h/live/"
            + chunk("\(Self.releaseStream) 00 4000000000000000 05 \(key)")
            + chunk("\(Self.fcPublish) 00 4008000000000000 05 \(key)")
            + chunk("\(Self.createStream) 00 4010000000000000 05")
            + chunk(
                "\(Self.publish) 00 4014000000000000 05 \(key) 02 0006 617070656e64", chunkStream: "08",
                messageStream: "01000000")
        #expect(
            try transcript(bytes).suffix(2) == ["onFCPublish NetStream.Publish.Start", "authorise live lk_wire"])
    }

    /// Larix: one URL, so the application may end in slashes; no releaseStream, no FCPublish, and publish without a type.
    @Test func larixWithoutAnnouncements() throws {
        let bytes =
            chunk(
                "\(Self.connect) \(Self.app) 0006 2f6c6976652f"  // "/live/"
                    + " \(Self.tcURL) 000d 72746d703a2f2f682f6c697665 \(Self.end)")  // "rtmp://h/live", no port
            + chunk("\(Self.createStream) 00 4000000000000000 05")
            + chunk(
                "\(Self.publish) 00 0000000000000000 05 02 0008 6c6b5f6c61726978", chunkStream: "04",
                messageStream: "01000000")
        #expect(try transcript(bytes).last == "authorise live lk_larix")
    }

    /// Larix with the key in its URL and an empty stream name; the name first announced is not what decides.
    @Test func larixWithTheKeyInItsAddress() throws {
        let bytes =
            chunk(
                "\(Self.connect) \(Self.app) 000d 6c6976652f6c6b5f6c61726978 \(Self.end)")  // "live/lk_larix"
            + chunk("\(Self.createStream) 00 4000000000000000 05")
            + chunk("\(Self.fcPublish) 00 4008000000000000 05 02 0000")
            + chunk(
                "\(Self.publish) 00 4010000000000000 05 02 0000 02 0004 6c697665", chunkStream: "08",
                messageStream: "01000000")
        #expect(try transcript(bytes).last == "authorise live lk_larix")
    }

    /// A blank inside a key makes it another, which opens nothing: it is not guessed what was meant.
    @Test func keepsABlankInsideAKey() throws {
        var script = ClientScript()
        script.publish("lk a")
        var transcript = Transcript()
        try transcript.receive(script.bytes)
        #expect(transcript.lines.last == "authorise live lk a")
    }
}
