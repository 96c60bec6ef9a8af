import Broadcast
import Domain
import NIOCore
import Synchronization
import TestKit
import Testing

/// What a hub keeps, where joiners start, and what becomes of who is too slow (I4, I11).
@Suite struct HubLogTests {
    private static func format(_ mark: UInt8) -> ProgrammeFormat {
        ProgrammeFormat(
            video: .synthetic(width: 1280, frameRate: 25, mark: mark),
            audio: .synthetic(sampleRate: 48_000, channels: 2))
    }

    /// A picture each 40 ms, a key frame each `group` pictures.
    private static func picture(_ index: Int, group: Int = 25, bytes: Int = 100) -> HubPacket {
        HubPacket(
            track: .video, decodeTime: .milliseconds(Int64(index) * 40), presentationTime: .milliseconds(0),
            isKeyFrame: index % group == 0, bytes: ByteBuffer(repeating: 0, count: bytes))
    }

    private static func log(
        pictures: Range<Int>, group: Int = 25, bytes: Int = 100, limits: HubLimits = HubLimits()
    ) -> HubLog {
        var log = HubLog(limits: limits)
        log.formatChanged(to: format(1))
        for index in pictures { log.append(picture(index, group: group, bytes: bytes)) }
        return log
    }

    private static func read(_ log: HubLog, _ cursor: inout HubLog.Cursor) -> [HubLog.Step] {
        var log = log
        var steps: [HubLog.Step] = []
        while true {
            let step = log.next(&cursor)
            if step == .nothing { return steps }
            steps.append(step)
            if step == .finished { return steps }
        }
    }

    /// Of packets that are wrapped already neither changes the log.
    private static func next(_ log: HubLog, _ cursor: inout HubLog.Cursor) -> HubLog.Step {
        var log = log
        return log.next(&cursor)
    }

    private static func run(_ log: HubLog, from place: Int) -> HubLog.Run? {
        var log = log
        return log.run(from: place)
    }

    private static func indices(_ steps: [HubLog.Step]) -> [Int64] {
        steps.compactMap { step in
            guard case .packet(let packet) = step else { return nil }
            return packet.decodeTime.ticks(timescale: 25)
        }
    }

    @Test func startsALateJoinerWithTheFormatAndTheKeptGroup() {
        let log = Self.log(pictures: 0..<60)
        var cursor = log.start()
        let steps = Self.read(log, &cursor)
        #expect(steps.first == .format(Self.format(1), number: 1, at: .milliseconds(2000)))
        #expect(Self.indices(steps) == Array(50..<60))
        #expect(cursor.lost == 0)
    }

    @Test func makesAJoinerWithoutAGroupWaitForTheNextKeyFrame() {
        var log = Self.log(pictures: 1..<20)
        var cursor = log.start()
        #expect(Self.next(log, &cursor) == .nothing)
        for index in 20..<30 { log.append(Self.picture(index)) }
        #expect(Self.indices(Self.read(log, &cursor)) == Array(25..<30))
        #expect(cursor.lost == 0)
    }

    @Test func keepsNoGroupThatIsTooLongUntilTheNextKeyFrame() {
        var limits = HubLimits()
        limits.maximumGroup = .milliseconds(2000)
        limits.maximumLag = .milliseconds(1000)
        var log = Self.log(pictures: 0..<60, group: 100, limits: limits)
        var late = log.start()
        #expect(Self.next(log, &late) == .nothing)
        for index in 60..<101 { log.append(Self.picture(index, group: 100)) }
        #expect(Self.indices(Self.read(log, &late)) == [100])
    }

    @Test func keepsNoGroupThatIsTooLarge() {
        var limits = HubLimits()
        limits.maximumBytes = 1000
        var log = Self.log(pictures: 0..<11, limits: limits)
        #expect(log.bytes == 1000)
        var late = log.start()
        #expect(Self.next(log, &late) == .nothing)
        for index in 11..<26 { log.append(Self.picture(index)) }
        #expect(Self.indices(Self.read(log, &late)) == [25])
        #expect(log.bytes <= 1000)
    }

    @Test func letsWhoKeepsUpReadOnThoughNoGroupIsKept() {
        var limits = HubLimits()
        limits.maximumBytes = 1000
        var log = Self.log(pictures: 0..<1, group: 1000, limits: limits)
        var cursor = log.start()
        var seen = Self.indices(Self.read(log, &cursor))
        for index in 1..<40 {
            log.append(Self.picture(index, group: 1000))
            seen += Self.indices(Self.read(log, &cursor))
        }
        #expect(seen == Array(0..<40))
        #expect(cursor.lost == 0)
    }

    @Test func letsAReaderLagALittleOverAKeyFrame() {
        var log = Self.log(pictures: 0..<10)
        var cursor = log.start()
        _ = Self.read(log, &cursor)
        for index in 10..<90 { log.append(Self.picture(index)) }
        #expect(Self.indices(Self.read(log, &cursor)) == Array(10..<90))
    }

    @Test func resumesASlowReaderAtTheNewestKeyFrameAndCountsWhatItLost() {
        var log = Self.log(pictures: 0..<10)
        var cursor = log.start()
        _ = Self.read(log, &cursor)
        for index in 10..<310 { log.append(Self.picture(index)) }
        #expect(Self.indices(Self.read(log, &cursor)) == Array(300..<310))
        #expect(cursor.lost == 290)
        #expect(cursor.skips == 1)
    }

    @Test func countsWhatASlowReaderCannotUseBeforeTheNextKeyFrame() {
        var limits = HubLimits()
        limits.maximumBytes = 500
        var log = Self.log(pictures: 0..<1, group: 20, limits: limits)
        var cursor = log.start()
        _ = Self.read(log, &cursor)
        for index in 1..<15 { log.append(Self.picture(index, group: 20)) }
        #expect(Self.read(log, &cursor).isEmpty)
        for index in 15..<22 { log.append(Self.picture(index, group: 20)) }
        #expect(Self.indices(Self.read(log, &cursor)) == [20, 21])
        #expect(cursor.lost == 19)
    }

    @Test func tellsEachReaderTheFormatItsNextPacketIsIn() {
        var log = Self.log(pictures: 0..<10)
        var early = log.start()
        _ = Self.read(log, &early)
        log.formatChanged(to: Self.format(2))
        // Sound of the new source may come first; who comes now waits for its key frame.
        log.append(
            HubPacket(
                track: .audio, decodeTime: .milliseconds(400), presentationTime: .milliseconds(400), isKeyFrame: true,
                bytes: ByteBuffer(integer: UInt8(1))))
        var waiting = log.start()
        #expect(Self.next(log, &waiting) == .nothing)
        log.append(Self.picture(25))
        #expect(Self.read(log, &waiting).first == .format(Self.format(2), number: 2, at: .milliseconds(1000)))
        let steps = Self.read(log, &early)
        #expect(steps.first == .format(Self.format(2), number: 2, at: .milliseconds(400)))
        #expect(steps.count == 3)
    }

    @Test func saysNothingOfAFormatThatDidNotChange() {
        var log = Self.log(pictures: 0..<10)
        var cursor = log.start()
        _ = Self.read(log, &cursor)
        log.formatChanged(to: Self.format(1))
        log.append(Self.picture(25))
        #expect(Self.read(log, &cursor).count == 1)
    }

    @Test func restartsAtTheCurrentGroupAndNeverGoesBack() {
        var log = Self.log(pictures: 0..<10)
        var cursor = log.start()
        _ = Self.read(log, &cursor)
        for index in 10..<60 { log.append(Self.picture(index)) }
        log.restart(&cursor)
        #expect(Self.indices(Self.read(log, &cursor)) == Array(50..<60))
        log.restart(&cursor)
        log.append(Self.picture(60))
        #expect(Self.indices(Self.read(log, &cursor)) == [60])
        #expect(cursor.lost == 0)
    }

    @Test func finishesWhoHasReadEverything() {
        var log = Self.log(pictures: 0..<3)
        var cursor = log.start()
        log.finish()
        #expect(Self.read(log, &cursor).last == .finished)
        var late = log.start()
        #expect(Self.indices(Self.read(log, &late)) == [0, 1, 2])
    }

    // MARK: Runs

    @Test func joinsPacketsIntoOneBufferInOrder() throws {
        var log = HubLog()
        log.formatChanged(to: Self.format(1))
        for index in 0..<5 { log.append(Self.picture(index, bytes: index + 1)) }
        let run = try #require(Self.run(log, from: 2))
        #expect(run.places == 2..<5)
        #expect(run.joined() == ByteBuffer(repeating: 0, count: 3 + 4 + 5))
    }

    @Test func joinsNothingWhereFewerThanTwoPacketsAre() {
        let log = Self.log(pictures: 0..<5)
        #expect(Self.run(log, from: 4) == nil)
        #expect(Self.run(log, from: 5) == nil)
        #expect(Self.run(log, from: 6) == nil)
    }

    @Test func joinsNoPacketsThatAreGone() {
        var limits = HubLimits()
        limits.maximumBytes = 500
        let log = Self.log(pictures: 0..<20, limits: limits)
        #expect(Self.run(log, from: 14) == nil)
        #expect(Self.run(log, from: 15)?.places == 15..<20)
    }

    @Test func endsARunBeforeTheFormatChangesAndAtItsLimit() {
        var limits = HubLimits()
        limits.maximumRunBytes = 450
        var log = Self.log(pictures: 0..<10, limits: limits)
        log.formatChanged(to: Self.format(2))
        for index in 25..<30 { log.append(Self.picture(index)) }
        #expect(Self.run(log, from: 0)?.places == 0..<4)
        #expect(Self.run(log, from: 7)?.places == 7..<10)
        #expect(Self.run(log, from: 9) == nil)
    }

    @Test func takesARunOnlyWhereItBeginsAndUnderItsFormat() throws {
        var log = Self.log(pictures: 0..<10)
        var untold = log.start()
        let early = try #require(Self.run(log, from: 0))
        let isTakenUntold = untold.take(early)  // It was not told the format.
        var cursor = untold
        for _ in 0..<3 { _ = Self.next(log, &cursor) }
        let isTakenLate = cursor.take(early)
        let run = try #require(Self.run(log, from: 2))
        let (isTaken, isTakenTwice) = (cursor.take(run), cursor.take(run))
        #expect([isTakenUntold, isTakenLate, isTaken, isTakenTwice] == [false, false, true, false])
        #expect(Self.next(log, &cursor) == .nothing)
        log.append(Self.picture(10))
        #expect(Self.indices(Self.read(log, &cursor)) == [10])
        #expect(cursor.lost == 0)
    }

    /// However fast anybody reads: order, no picture before its key frame, gaps only where they were counted, bounded memory.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func keepsItsPromisesToReadersOfAnySpeed(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var limits = HubLimits()
        limits.maximumBytes = 20_000
        limits.maximumGroup = .milliseconds(3000)
        limits.maximumLag = .milliseconds(1000)
        var log = HubLog(limits: limits)
        log.formatChanged(to: Self.format(1))
        var cursors: [HubLog.Cursor] = []
        var last: [Int64?] = []
        var seen: [Int] = []
        for index in 0..<3000 {
            let isKey = Int.random(in: 0..<30, using: &random) == 0
            log.append(
                Self.picture(index, group: isKey ? 1 : Int.max, bytes: Int.random(in: 1...900, using: &random)))
            #expect(log.bytes <= limits.maximumBytes)
            if cursors.count < 8, index % 100 == 0 {
                cursors.append(log.start())
                last.append(nil)
                seen.append(0)
            }
            for reader in cursors.indices where Int.random(in: 0...(reader * reader * 4), using: &random) == 0 {
                let lostBefore = cursors[reader].lost
                for (place, step) in Self.read(log, &cursors[reader]).enumerated() {
                    guard case .packet(let packet) = step else { continue }
                    let time = packet.decodeTime.ticks(timescale: 25)
                    if let before = last[reader], time != before + 1 {
                        #expect(time > before && packet.isKeyFrame && cursors[reader].lost > 0)
                        #expect(place == 0 && cursors[reader].lost > lostBefore || lostBefore > 0)
                    } else if last[reader] == nil {
                        #expect(packet.isKeyFrame)
                    }
                    last[reader] = time
                    seen[reader] += 1
                }
            }
        }
        #expect(seen[0] > 2000)
    }

    /// What nobody reads is not copied; its first reader makes it so, once.
    @Test func wrapsForTheFirstReaderAndOnlyThen() {
        let wrapped = Mutex(0)
        var log = HubLog { unit in
            wrapped.withLock { $0 += 1 }
            return ByteBuffer(bytes: [1, 2, 3] + unit.payload.readableBytesView)
        }
        log.formatChanged(to: Self.format(1))
        for index in 0..<5 {
            log.append(
                ProgrammeUnit(
                    track: .video, decodeTime: .milliseconds(Int64(index) * 40), presentationTime: .zero,
                    duration: .milliseconds(40), isKeyFrame: index == 0, payload: ByteBuffer(bytes: [UInt8(index)])))
        }
        #expect(wrapped.withLock { $0 } == 0)
        #expect(log.bytes == 5)
        let run = log.run(from: 3)
        #expect(run?.joined() == ByteBuffer(bytes: [1, 2, 3, 3, 1, 2, 3, 4]))
        for _ in 0..<2 {
            var cursor = log.start()
            var bytes: [ByteBuffer] = []
            while case let step = log.next(&cursor), step != .nothing {
                if case .packet(let packet) = step { bytes.append(packet.bytes) }
            }
            #expect(bytes == (0..<5).map { ByteBuffer(bytes: [1, 2, 3, UInt8($0)]) })
        }
        #expect(wrapped.withLock { $0 } == 5)
        #expect(log.bytes == 20)
    }
}
