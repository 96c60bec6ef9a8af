import Domain
import NIOCore
import Testing

@testable import Ingest

/// When a picture or a sound counts as missing; times in tenths of a second.
struct AbsenceWatchTests {
    private var watch = AbsenceWatch()

    private static func unit(_ track: TrackKind, bytes: Int) -> AccessUnit {
        AccessUnit(
            track: track, decodeTime: .milliseconds(0), presentationTime: .milliseconds(0), isKeyFrame: true,
            payload: ByteBuffer(repeating: 1, count: bytes))
    }

    private static func time(_ tenths: Int64) -> Int64 { 7_000_000_000 + tenths * 100_000_000 }

    private mutating func receive(_ track: TrackKind, bytes: Int = 100, _ tenths: Int64) {
        watch.received(Self.unit(track, bytes: bytes), at: Self.time(tenths))
    }

    private mutating func look(_ tenths: Int64) -> AbsenceWatch.Absence? { watch.looked(at: Self.time(tenths)) }

    @Test mutating func tellsOnceThatThePictureIsGoneAndOnceThatItIsBack() {
        receive(.video, 0)
        receive(.audio, 19)
        #expect(look(19) == nil)
        receive(.audio, 20)
        #expect(look(20) == .init(picture: .seconds(2), sound: nil))
        receive(.audio, 30)
        #expect(look(30) == nil)
        receive(.video, 31)
        #expect(look(31) == .init(picture: nil, sound: nil))
    }

    @Test mutating func takesTheFramesOfDigitalSilenceForSilence() {
        receive(.audio, 0)
        for tenths in 1...20 as ClosedRange<Int64> { receive(.audio, bytes: tenths == 10 ? 23 : 6, tenths) }
        #expect(look(20) == .init(picture: nil, sound: .seconds(2)))
        receive(.audio, bytes: 25, 21)
        #expect(look(21) == .init(picture: nil, sound: nil))
    }

    @Test mutating func countsASilenceFromTheFirstFrame() {
        receive(.audio, bytes: 6, 0)
        receive(.audio, bytes: 6, 20)
        #expect(look(20)?.sound == .seconds(2))
    }

    @Test mutating func missesNothingThatNeverCame() {
        receive(.audio, 0)
        receive(.audio, 100)
        #expect(look(100) == nil)
    }
}
