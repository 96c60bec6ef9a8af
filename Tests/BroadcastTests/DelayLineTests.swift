import Domain
import NIOCore
import Synchronization
import TestKit
import Testing

@Suite struct DelayLineTests {
    private func filled(
        seconds: Int, shape: ProgrammeTape.Shape = .init(), retention: DelayLine.Retention, maximumBytes: Int = 1 << 20
    ) -> DelayLine {
        let line = DelayLine(maximumBytes: maximumBytes)
        line.retain(retention)
        var tape = ProgrammeTape(shape: shape, mark: 1)
        line.append(.video(tape.videoFormat))
        line.append(.audio(tape.audioFormat))
        while true {
            let (unit, after) = tape.next()
            guard after < .milliseconds(Int64(seconds) * 1000) else { return line }
            line.append(unit, at: after.nanoseconds)
        }
    }

    @Test func keepsTheLastGroupOfAPublisherFarFromItsTurn() {
        let line = filled(seconds: 9, retention: .lastGroup)
        #expect(line.newestKeyFrame(depth: .zero)?.key.decodeTime == .milliseconds(8000))
        #expect(line.nextKeyFrame(depth: .seconds(5))?.key.decodeTime == .milliseconds(8000))
        guard case .lost(let resume) = line.read(.video, at: 0) else {
            Issue.record("the first picture is still held")
            return
        }
        #expect(resume == 240)
    }

    @Test func keepsTheDelayAndTheGroupItBeginsIn() {
        let line = filled(seconds: 9, retention: .delayed(.seconds(3)))
        #expect(line.newestKeyFrame(depth: .seconds(3))?.key.decodeTime == .milliseconds(4000))
        #expect(line.nextKeyFrame(depth: .seconds(3))?.key.decodeTime == .milliseconds(6000))
    }

    @Test func keepsSoundFromBeforeTheOldestPicture() {
        let line = filled(seconds: 9, retention: .lastGroup)
        let place = line.firstAudio(from: .milliseconds(7100))
        guard case .unit(let unit) = line.read(.audio, at: place) else {
            Issue.record("the sound is gone")
            return
        }
        #expect(unit.presentationTime >= .milliseconds(7100) && unit.presentationTime < .milliseconds(7130))
    }

    @Test func aReaderLosesNothingUntilItReleases() {
        let line = filled(seconds: 9, retention: .reading)
        guard case .unit = line.read(.video, at: 0) else {
            Issue.record("the first picture is gone")
            return
        }
        line.release(before: 100, audio: 150)
        guard case .lost(100) = line.read(.video, at: 0), case .lost(150) = line.read(.audio, at: 0) else {
            Issue.record("released units are still held")
            return
        }
    }

    @Test func keepsTheNewestGroupThoughItWasPlayed() {
        let line = filled(seconds: 9, retention: .reading)
        line.release(before: 260, audio: 420)
        #expect(line.newestKeyFrame(depth: .zero)?.key.sequence == 240)
        guard case .lost(240) = line.read(.video, at: 0), case .unit = line.read(.audio, at: 380) else {
            Issue.record("the newest group is not whole")
            return
        }
        line.end()
        line.release(before: 260, audio: 420)
        guard case .lost(260) = line.read(.video, at: 0), case .lost(420) = line.read(.audio, at: 0) else {
            Issue.record("an ended line keeps what was played")
            return
        }
    }

    @Test func beingFullDropsTheOldestGroupAndCountsIt() {
        let line = filled(seconds: 30, retention: .reading, maximumBytes: 64_000)
        let summary = line.summary
        #expect(summary.bytes <= 64_000)
        #expect(summary.droppedGroups > 0)
        guard case .lost(let resume) = line.read(.video, at: 0), case .unit(let unit) = line.read(.video, at: resume)
        else {
            Issue.record("no place to go on")
            return
        }
        #expect(unit.isKeyFrame)
    }

    @Test func aGroupLargerThanTheLineIsGivenUpUntilTheNextKeyFrame() {
        let line = DelayLine(maximumBytes: 1600)
        func picture(_ time: Int64, key: Bool) -> AccessUnit {
            AccessUnit(
                track: .video, decodeTime: .milliseconds(time), presentationTime: .milliseconds(time), isKeyFrame: key,
                payload: ByteBuffer(repeating: 0, count: 60))
        }
        line.append(picture(0, key: true), at: 0)
        line.append(picture(33, key: false), at: 1)
        line.append(picture(66, key: false), at: 2)
        #expect(line.newestKeyFrame(depth: .zero) == nil)
        #expect(line.summary.bytes == 0)
        line.append(picture(100, key: true), at: 3)
        #expect(line.newestKeyFrame(depth: .zero)?.key.decodeTime == .milliseconds(100))
    }

    /// A publisher that sends a byte of use in each page of memory, and else what is thrown away, holds the pages.
    @Test func memoryCountsNotPayload() {
        let line = DelayLine(maximumBytes: 4 << 20)
        let empty = line.summary.bytes
        func piece(_ page: ByteBuffer, _ offset: Int, _ index: Int) -> AccessUnit {
            AccessUnit(
                track: .video, decodeTime: .milliseconds(Int64(index)), presentationTime: .milliseconds(Int64(index)),
                isKeyFrame: index == 0, payload: page.getSlice(at: offset, length: 1) ?? ByteBuffer())
        }
        for index in 0..<10 { line.append(piece(ByteBuffer(repeating: 0, count: 65_536), 0, index), at: Int64(index)) }
        #expect(line.summary.bytes >= 10 * 65_536)
        for index in 10..<30 { line.append(piece(ByteBuffer(repeating: 0, count: 65_536), 0, index), at: Int64(index)) }
        // A quarter of four megabytes, while nobody reads.
        #expect(line.summary.bytes <= 1 << 20)
        #expect(line.summary.droppedGroups == 1)

        let shared = DelayLine()
        let page = ByteBuffer(repeating: 0, count: 65_536)
        for index in 0..<1000 { shared.append(piece(page, index, index), at: Int64(index)) }
        #expect(shared.summary.bytes < 65_536 + 1000 * 128)
        shared.append(
            AccessUnit(
                track: .video, decodeTime: .milliseconds(1000), presentationTime: .milliseconds(1000), isKeyFrame: true,
                payload: ByteBuffer(repeating: 0, count: 10)), at: 1000)
        #expect(shared.summary.bytes < 512)
        #expect(empty == 0)
    }

    /// One track of several, or one message of an aggregate: the piece keeps the whole, of which nothing else may be of use.
    @Test func aPieceOfALargeMessageCountsForAllOfIt() {
        let line = DelayLine()
        for (index, size) in [1 << 20, 131_072].enumerated() {
            let message = ByteBuffer(repeating: 0, count: size)
            let before = line.summary.bytes
            line.append(
                AccessUnit(
                    track: .video, decodeTime: .milliseconds(Int64(index)),
                    presentationTime: .milliseconds(Int64(index)),
                    isKeyFrame: index == 0, payload: message.getSlice(at: 0, length: 10) ?? ByteBuffer()), at: 0)
            #expect(line.summary.bytes >= before + size)
        }
    }

    /// A publisher that changes its parameter sets with each picture holds them all.
    @Test func formatsCountToo() {
        let line = DelayLine(maximumBytes: 4 << 20)
        for index in 0..<100 {
            let sets = [UInt8](repeating: UInt8(index), count: 8192)
            line.append(
                .video(
                    VideoFormat(
                        configuration: sets, parameterSets: [sets], width: 640, height: 360, frameRate: nil,
                        profile: 100,
                        constraints: 0, level: 30)))
            line.append(
                AccessUnit(
                    track: .video, decodeTime: .milliseconds(Int64(index)),
                    presentationTime: .milliseconds(Int64(index)),
                    isKeyFrame: index == 0, payload: ByteBuffer(repeating: 0, count: 10)), at: 0)
            if index == 50 { #expect(line.summary.bytes > 50 * 16_384) }
        }
        // A quarter of four megabytes, while nobody reads.
        #expect(line.summary.droppedGroups == 1)
        #expect(line.summary.bytes < 40_000)
    }

    /// While nobody reads, a group is bounded in time too, and sound beside a picture that stands still is.
    @Test func aGroupWithoutEndIsGivenUp() {
        let line = filled(seconds: 100, shape: .init(groupSeconds: 1000), retention: .lastGroup, maximumBytes: 64 << 20)
        #expect(line.newestKeyFrame(depth: .zero) == nil)
        #expect(line.summary.droppedGroups == 1)
        #expect(line.summary.bytes < 1 << 20)
        let held = filled(seconds: 20, shape: .init(groupSeconds: 20), retention: .lastGroup, maximumBytes: 64 << 20)
        #expect(held.newestKeyFrame(depth: .zero) != nil)
        #expect(held.summary.droppedGroups == 0)
        let delayed = filled(
            seconds: 89, shape: .init(groupSeconds: 1000), retention: .delayed(.seconds(30)), maximumBytes: 64 << 20)
        #expect(delayed.newestKeyFrame(depth: .seconds(30)) != nil)
    }

    @Test func soundBesideAStillPictureIsBounded() {
        let line = DelayLine()
        func unit(_ track: TrackKind, _ time: Int64) -> AccessUnit {
            AccessUnit(
                track: track, decodeTime: .milliseconds(time), presentationTime: .milliseconds(time),
                isKeyFrame: true, payload: ByteBuffer(repeating: 0, count: 60))
        }
        line.append(unit(.video, 0), at: 0)
        for time in stride(from: Int64(0), to: 600_000, by: 20) {
            line.append(unit(.audio, time), at: time * 1_000_000)
        }
        #expect(line.newestKeyFrame(depth: .zero) != nil)
        guard case .lost(let oldest) = line.read(.audio, at: 0) else {
            Issue.record("ten minutes of sound are held")
            return
        }
        #expect(oldest >= (600_000 - 32_000) / 20)
    }

    @Test func formatsHoldFromTheirUnitOn() {
        let line = filled(seconds: 3, retention: .reading)
        let before = line.videoFormat(at: 0)
        let other = VideoFormat.synthetic(width: 640, frameRate: nil, mark: 5)
        line.append(.video(other))
        #expect(line.videoFormat(at: 89) == before)
        #expect(line.videoFormat(at: 90) == other)
    }

    @Test func saysEndedOnlyBehindTheLastUnit() {
        let line = filled(seconds: 1, retention: .reading)
        line.end()
        guard case .unit = line.read(.video, at: 29), case .ended = line.read(.video, at: 30) else {
            Issue.record("the end stands in the wrong place")
            return
        }
    }

    @Test func refusesToWakeALookThatIsOutOfDate() {
        let line = filled(seconds: 1, retention: .reading)
        let mark = line.mark
        line.end()
        #expect(!line.wake(after: mark, on: .keyFrame) {})
    }

    @Test func wakesOnceAndOnlyForWhatWasAskedFor() {
        let line = DelayLine()
        let calls = Mutex(0)
        var tape = ProgrammeTape(shape: .init(groupSeconds: 1), mark: 1)
        line.append(tape.next().unit, at: 0)
        #expect(line.wake(after: line.mark, on: .keyFrame) { calls.withLock { $0 += 1 } })
        for index in 1..<60 { line.append(tape.next().unit, at: Int64(index)) }
        #expect(calls.withLock { $0 } == 0)
        for index in 60..<240 { line.append(tape.next().unit, at: Int64(index)) }
        #expect(calls.withLock { $0 } == 1)
    }

    /// One thread writes, one reads; the thread sanitizer looks on in its own run.
    @Test func everyUnitArrivesOnceWhileBothSidesRun() async {
        let line = DelayLine()
        line.retain(.reading)
        let count = 5000
        async let written: Void = Task.detached {
            var tape = ProgrammeTape(shape: .init(), mark: 1)
            for index in 0..<count { line.append(tape.next().unit, at: Int64(index)) }
            line.end()
        }.value
        let (video, audio) = await Task.detached {
            var places: [TrackKind: Int64] = [.video: 0, .audio: 0]
            var open: Set<TrackKind> = [.video, .audio]
            while !open.isEmpty {
                for track in TrackKind.allCases where open.contains(track) {
                    let place = places[track, default: 0]
                    switch line.read(track, at: place) {
                    case .unit: places[track] = place + 1
                    case .nothingYet: await Task.yield()
                    case .ended: open.remove(track)
                    case .lost: return (Int64(-1), Int64(-1))
                    }
                }
                line.release(before: places[.video, default: 0], audio: places[.audio, default: 0])
            }
            return (places[.video, default: 0], places[.audio, default: 0])
        }.value
        await written
        #expect(video + audio == Int64(count))
        #expect(line.summary.bytes == 0)
    }
}
