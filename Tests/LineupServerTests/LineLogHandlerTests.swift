import Domain
import Foundation
import Logging
import LineupServer
import Testing

private struct StoppedClock: WallClock {
    func now() -> WallTime { WallTime(milliseconds: 0) }
}

@Suite struct LineLogHandlerTests {
    private func line(_ format: ServerConfiguration.LogFormat, _ message: String, _ metadata: Logger.Metadata) -> String
    {
        let handler = LineLogHandler(label: "test", format: format, level: .info, clock: StoppedClock())
        return handler.line(level: .info, message: message, fields: metadata)
    }

    @Test func textIsOneLineWithMetadataInOrder() {
        #expect(
            line(.text, "publisher joined", ["dj": "DJ One", "channel": "main"])
                == #"1970-01-01T00:00:00.000Z info [test] publisher joined channel=main dj="DJ One""#)
    }

    @Test func aPeersTextCannotForgeALine() {
        let text = line(.text, "refused", ["peer": "x\n1970-01-01T00:00:00.000Z error [test] forged"])
        #expect(!text.contains("\n"))
        let json = line(.json, "refused", ["peer": "x\"}\n{\u{1B}[31m"])
        #expect(!json.contains("\n"))
        #expect(!json.contains("\u{1B}"))
    }

    @Test func jsonReadsBack() throws {
        let json = line(.json, "say \"hello\" \\ there", ["dj": "Ünïcode\tand tabs"])
        let fields = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String])
        #expect(fields["message"] == "say \"hello\" \\ there")
        #expect(fields["dj"] == "Ünïcode\tand tabs")
        #expect(fields["level"] == "info")
    }

    @Test func theWallClockDoesNotRunBack() {
        let clock = SystemWallClock()
        let times = (0..<1000).map { _ in clock.now() }
        #expect(times == times.sorted())
    }
}
