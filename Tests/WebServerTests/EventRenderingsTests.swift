import Domain
import NIOCore
import TestKit
import Testing

@testable import WebServer

@Suite struct EventRenderingsTests {
    private let renderings = EventRenderings()
    private let user = UserID.random()

    private func view(version: Int64 = 1, unwritten: QueueView.Unwritten? = nil) -> QueueView {
        QueueView(
            channel: .main, version: version, at: WallTime(milliseconds: 1_800_000_000_000), showing: .slate,
            isOpen: true, slotSeconds: 60,
            entries: [FakeQueueDesk.entry("Ada", user: user, missing: ["no picture"])], unwritten: unwritten)
    }

    private func event(_ sequence: Int64, kind: String = "queue.joined") -> EventRecord {
        EventRecord(
            id: EventID(epoch: 1, sequence: sequence), channel: .main, kind: kind, version: sequence,
            at: WallTime(milliseconds: 1_800_000_000_000), payload: #"{"name":"Ada","user":"secret"}"#)
    }

    private func text(_ bytes: ByteBuffer?) -> String { bytes.map { String(buffer: $0) } ?? "" }

    @Test func aThousandReadersCostOneRenderingAnAudience() {
        let view = view()
        for _ in 0..<1000 {
            #expect(text(renderings.queue(view, for: .everyone)).contains("Ada"))
            _ = renderings.queue(view, for: .operators)
            // A DJ without an entry sees what everyone sees.
            _ = renderings.queue(view, for: .dj(.random()))
            _ = renderings.event(event(1), for: .everyone)
            _ = renderings.event(event(1), for: .dj(user))
        }
        #expect(renderings.renderings == 3)
    }

    @Test func audiencesAreNeverMixed() {
        let view = view(unwritten: QueueView.Unwritten(since: WallTime(milliseconds: 1), moves: 3))
        #expect(text(renderings.queue(view, for: .operators)).contains(#""unwritten""#))
        #expect(!text(renderings.queue(view, for: .everyone)).contains(#""unwritten""#))
        #expect(!text(renderings.queue(view, for: .everyone)).contains("no picture"))
        #expect(text(renderings.queue(view, for: .dj(user))).contains("no picture"))
        #expect(!text(renderings.queue(view, for: .dj(.random()))).contains("no picture"))
        #expect(text(renderings.event(event(1), for: .operators)).contains("secret"))
        #expect(!text(renderings.event(event(1), for: .everyone)).contains("secret"))
        #expect(renderings.event(event(2, kind: "dj.banned"), for: .everyone) == nil)
        #expect(renderings.event(event(2, kind: "dj.banned"), for: .operators) != nil)
    }

    @Test func whatChangedIsRenderedAnew() {
        #expect(text(renderings.queue(view(), for: .operators)).contains(#""version":1"#))
        #expect(text(renderings.queue(view(version: 2), for: .operators)).contains(#""version":2"#))
        let away = view(version: 2, unwritten: QueueView.Unwritten(since: WallTime(milliseconds: 1), moves: 3))
        #expect(text(renderings.queue(away, for: .operators)).contains(#""moves":3"#))
        #expect(!text(renderings.queue(view(version: 2), for: .operators)).contains("unwritten"))
    }

    @Test func keepsABoundedNumberOfEvents() {
        let count = Int64(EventRenderings.maximumEvents)
        for sequence in 1...(count + 1) { _ = renderings.event(event(sequence), for: .everyone) }
        let before = renderings.renderings
        #expect(text(renderings.event(event(count + 1), for: .everyone)).contains("id: 1-\(count + 1)\n"))
        #expect(text(renderings.event(event(2), for: .everyone)).contains("id: 1-2\n"))
        #expect(renderings.renderings == before)
        #expect(text(renderings.event(event(1), for: .everyone)).contains("id: 1-1\n"), "given up, and made again")
        #expect(renderings.renderings == before + 1)
    }
}
