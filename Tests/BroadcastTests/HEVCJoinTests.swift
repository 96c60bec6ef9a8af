import Domain
import NIOCore
import TestKit
import Testing

@testable import Broadcast

/// HEVC DJs: open groups with CRA and RASL pictures, IDR with RADL, beside H.264 (issue 5, must 4). What every join keeps
/// (no CRA as the first picture, no leading picture behind it, sets in band) the judge sees.
@Suite struct HEVCJoinTests {
    private static let shapes: [ProgrammeTape.Shape] = [
        .init(bFrames: 2, isOpen: true, codec: .hevc),
        .init(frameRate: 25, groupSeconds: 1, bFrames: 3, isOpen: true, codec: .hevc),
        .init(frameRate: 50, bFrames: 3, isOpen: true, codec: .hevc, hasDecodableLeading: true),
        .init(frameRate: 25, codec: .hevc), .init(bFrames: 3), .init(bFrames: 2, isOpen: true),
    ]

    @Test(arguments: shapes, shapes) func handsOverBetweenAnyTwo(from: ProgrammeTape.Shape, to: ProgrammeTape.Shape) {
        var simulation = ProgrammeSimulation(delay: .seconds(2))
        let first = simulation.publish(from)
        let second = simulation.publish(to, startMilliseconds: 3_600_000)
        simulation.run(for: .seconds(6))
        simulation.order(first, standby: [second])
        simulation.run(for: .seconds(6))
        simulation.order(second, standby: [first])
        simulation.run(for: .seconds(6))
        simulation.order(first, standby: [second])
        simulation.run(for: .seconds(6))
        simulation.order(nil)
        simulation.run(for: .seconds(4))
        let judge = simulation.judge
        #expect(judge.violations.isEmpty)
        #expect(judge.greatestVideoError <= .milliseconds(42))
        #expect(judge.greatestAudioError <= .milliseconds(24))
        #expect(judge.greatestOffsetError <= .milliseconds(26))
        #expect(judge.handovers.allSatisfy { abs($0.videoGapFrames) <= 1 })
        // No picture of a turn is missing: the longest any stands is that of the slowest DJ.
        #expect(judge.greatestHole <= .milliseconds(42))
        #expect(judge.reports == [.slate, .onAir(first), .onAir(second), .onAir(first), .slate])
    }

    /// Leading pictures are left out at the join only: within a turn the encoder's open groups go out whole.
    @Test func keepsLeadingPicturesWithinATurn() {
        var simulation = ProgrammeSimulation(delay: .seconds(1))
        let session = simulation.publish(.init(groupSeconds: 1, bFrames: 2, isOpen: true, codec: .hevc))
        simulation.run(for: .seconds(4))
        simulation.order(session)
        simulation.run(for: .seconds(10))
        #expect(simulation.judge.violations.isEmpty)
        // Two behind each of eight or more key pictures.
        #expect(simulation.judge.leadingPictures >= 16)
        #expect(simulation.judge.greatestHole <= .milliseconds(34))
    }

    /// The unit says what it is: a RASL picture whose timestamps would let it pass is left out all the same.
    @Test func leavesARASLPictureOutWhateverItsTimestampsSay() {
        let line = DelayLine()
        line.retain(.reading)
        line.append(.video(.synthetic(width: 1280, frameRate: nil, mark: 1, codec: .hevc)))
        // CRA, RASL, RASL, trailing, CRA, RASL.
        for (index, type) in [UInt8(21), 9, 8, 1, 21, 9].enumerated() {
            let time = MediaTime.milliseconds(Int64(index) * 40)
            line.append(
                AccessUnit(
                    track: .video, decodeTime: time, presentationTime: time, isKeyFrame: type == 21,
                    payload: ByteBuffer(bytes: [0, 0, 0, 3, type << 1, 1, 0xAC])), at: time.nanoseconds)
        }
        let place = JoinPlace(
            key: .init(sequence: 0, decodeTime: .zero, presentationTime: .zero), hasSound: false, delay: .zero)
        var head = InputPlayhead(
            session: .random(), line: line, place: place, offset: .zero,
            videoFormat: .synthetic(width: 1280, frameRate: nil, mark: 1, codec: .hevc), still: nil, audioPlace: nil)
        var leftOut: [Bool] = []
        while case .candidate(let candidate) = head.videoHead() {
            #expect(head.isAtJoin == leftOut.isEmpty)
            leftOut.append(head.leavesOut(candidate))
            _ = head.videoTaken(epoch: 0)
        }
        // Those behind the second key picture can be decoded: what came before it has been shown.
        #expect(leftOut == [false, true, true, false, false, false])
    }

    /// A change of codec inside one publisher's stream is a join at its key picture, like any other change of format.
    @Test func aPublisherMayChangeItsCodec() throws {
        var simulation = ProgrammeSimulation(delay: .seconds(1))
        let session = simulation.publish(.init(bFrames: 2, isOpen: true, codec: .hevc))
        simulation.run(for: .seconds(3))
        simulation.order(session)
        simulation.run(for: .seconds(3))
        let line = try #require(simulation.publishers[session]?.line)
        line.append(.video(.synthetic(width: 854, frameRate: nil, mark: 9, codec: .hevc)))
        simulation.run(for: .seconds(6))
        #expect(simulation.judge.violations.isEmpty)
        let last = try #require(simulation.judge.joins.last)
        #expect(last.join.session == session && last.join.formatChanged && last.format.video.width == 854)
    }

    @Test func theSlateOfAChannelIsInTheDJsCodec() {
        let request = SlateRequest(text: "", width: 1280, height: 720, frameRate: 30, sampleRate: 48_000, channels: 2)
        #expect(request.codec == .h264)
        let format = ProgrammeFormat(
            video: .synthetic(width: 640, frameRate: 25, mark: 1, codec: .hevc),
            audio: .synthetic(sampleRate: 48_000, channels: 2))
        #expect(request.matching(format).codec == .hevc)
    }
}
