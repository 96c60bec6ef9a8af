import Domain
import FFmpegMedia
import Logging
import Synchronization
import TestKit
import Testing

@Suite struct FFmpegLogTests {
    @Test func whatLibavSaysReachesTheLogWithoutFloodingIt() throws {
        let lines = Lines()
        FFmpegLog.install(Logger(label: "libav", factory: { _ in lines }))
        let clip = try MediaClip.generate(MediaRecipe().with { $0.seconds = 1 })
        let muxer = try FFmpegMuxerFactory().makeMuxer(for: clip.format)
        let unit = try #require(clip.programme(startingAt: .seconds(1)).first)
        try muxer.append(unit)
        for _ in 0..<1000 { #expect(throws: MediaError.self) { try muxer.append(unit) } }
        let complaints = lines.texts.filter { $0.contains("non monotonically increasing dts") }
        #expect(!complaints.isEmpty)
        // Ten in a second; the loop may touch a few of them.
        #expect(complaints.count <= 100)
        #expect(complaints.allSatisfy { !$0.hasSuffix("\n") })
    }
}

/// Keeps the text of each line; used from any thread.
private final class Lines: LogHandler {
    private let kept = Mutex<[String]>([])
    var texts: [String] { kept.withLock { $0 } }
    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        kept.withLock { $0.append(event.metadata?["text"].map { "\($0)" } ?? "") }
    }
}
