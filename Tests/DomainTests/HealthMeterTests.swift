import NIOCore
import Testing

@testable import Domain

/// What is named of a stream, from sizes and times alone.
@Suite struct HealthMeterTests {
    /// A publisher by its habits; sound comes with each picture, at 48 kHz.
    private struct Stream {
        /// What every picture and sound is a slice of: filling a buffer for each would be most of this suite's time.
        private static let zeros = ByteBuffer(repeating: 0, count: 200_000)

        var meter = HealthMeter(envelope: Envelope())
        var now: Int64 = 1_000_000_000
        var media: Int64 = 0
        var rate: Int64 = 25
        var group: Int64 = 50
        var pictureBytes = 10_000
        var soundBytes = 340
        /// Media time a second of arrival.
        var speed = 1.0
        var sendsSound = true
        var sendsPicture = true
        var reorders = false
        var soundLead: Int64 = 0
        private var pictures: Int64 = 0
        private var nextSound: Int64 = 0
        private var nextLook: Int64 = 0

        init() {
            meter.received(.video(HealthMeterTests.video()))
            meter.received(.audio(AudioFormat(configuration: [0x11, 0x90], sampleRate: 48_000, channels: 2)))
        }

        mutating func run(seconds: Int64) {
            for _ in 0..<(seconds * rate) {
                let step = 1_000_000_000 / rate
                if sendsPicture {
                    let isKey = pictures % group == 0
                    let shift = reorders && pictures % 3 == 1 ? 3 * step : 0
                    send(.video, at: media, shown: media + shift, isKey: isKey, bytes: isKey ? 40_000 : pictureBytes)
                }
                while sendsSound, nextSound <= media {
                    send(
                        .audio, at: nextSound + soundLead, shown: nextSound + soundLead, isKey: true, bytes: soundBytes)
                    nextSound += 21_333_333
                }
                pictures += 1
                media += step
                now += Int64(Double(step) / speed)
                if now >= nextLook {
                    _ = meter.look(at: now)
                    nextLook = now + 1_000_000_000
                }
            }
        }

        private mutating func send(_ track: TrackKind, at time: Int64, shown: Int64, isKey: Bool, bytes: Int) {
            meter.received(
                AccessUnit(
                    track: track, decodeTime: MediaTime(nanoseconds: time),
                    presentationTime: MediaTime(nanoseconds: shown), isKeyFrame: isKey,
                    payload: Self.zeros.getSlice(at: 0, length: bytes) ?? Self.zeros), at: now)
        }

        var issues: Set<StreamIssue> { Set(meter.health(at: now).summary.issues.map(\.type)) }
    }

    fileprivate static func video(width: Int = 1280, height: Int = 720) -> VideoFormat {
        VideoFormat(
            configuration: [], parameterSets: [], width: width, height: height, frameRate: 25, profile: 100,
            constraints: 0, level: 31)
    }

    @Test func aGoodStreamIsGood() {
        var stream = Stream()
        stream.run(seconds: 40)
        let health = stream.meter.health(at: stream.now)
        #expect(health.summary == HealthSummary(status: .good, issues: []))
        #expect(abs((health.measures.frameRate ?? 0) - 25) < 0.1)
        #expect(health.measures.keyFrameIntervalSeconds == 2)
        #expect(abs((health.measures.ingestionRate ?? 0) - 1) < 0.02)
        let bits = health.measures.videoBitsPerSecond ?? 0
        #expect((2_000_000...2_400_000).contains(bits), "\(bits)")
    }

    @Test func namesWhatTheDJShouldChange() {
        let cases: [(StreamIssue, HealthSummary.Status, (inout Stream) -> Void)] = [
            (.gopSizeLong, .ok, { $0.group = 208 }), (.gopSizeOver, .ok, { $0.group = 100_000 }),
            (.gopSizeShort, .ok, { $0.group = 10 }), (.bitrateHigh, .bad, { $0.pictureBytes = 70_000 }),
            (.bitrateLow, .good, { $0.pictureBytes = 400 }), (.silentAudio, .ok, { $0.soundBytes = 6 }),
            (.audioBitrateLow, .good, { $0.soundBytes = 60 }), (.noAudioStream, .ok, { $0.sendsSound = false }),
            (.noVideoStream, .ok, { $0.sendsPicture = false }), (.frozenVideo, .ok, { $0.pictureBytes = 60 }),
            (.bFrames, .good, { $0.reorders = true }), (.videoIngestionStarved, .bad, { $0.speed = 0.8 }),
            (.videoIngestionFasterThanRealtime, .ok, { $0.speed = 1.3 }),
            (.audioVideoOffset, .ok, { $0.soundLead = 900_000_000 }),
            (.frameRateHigh, .bad, { $0.rate = 100 }),
            (.videoResolutionUnsupported, .bad, { $0.meter.received(.video(Self.video(width: 2560, height: 1440))) }),
            (
                .audioTooManyChannels, .bad,
                {
                    $0.meter.received(
                        .audio(AudioFormat(configuration: [0x11, 0xB0], sampleRate: 48_000, channels: 6)))
                }
            ),
            (
                .audioSampleRate, .ok,
                {
                    $0.meter.received(
                        .audio(AudioFormat(configuration: [0x13, 0x90], sampleRate: 22_050, channels: 2)))
                }
            ),
        ]
        for (issue, status, change) in cases {
            var stream = Stream()
            change(&stream)
            stream.run(seconds: 30)
            #expect(stream.issues.contains(issue), "\(issue): \(stream.issues)")
            let summary = stream.meter.health(at: stream.now).summary
            let worst = HealthSummary(issues: summary.issues.filter { $0.type == issue }).status
            #expect(worst == status, "\(issue)")
            #expect(summary.issues.allSatisfy { $0.advice.count > 20 && !$0.advice.contains("?") })
        }
    }

    @Test func aMomentIsNoIssueAndAnIssueStaysForAMoment() {
        var stream = Stream()
        stream.run(seconds: 20)
        stream.group = 1_000_000
        stream.run(seconds: 7)
        #expect(!stream.issues.contains(.gopSizeLong), "one late key frame")
        stream.run(seconds: 8)
        #expect(stream.issues.contains(.gopSizeLong) || stream.issues.contains(.gopSizeOver))
        stream.group = 50
        stream.run(seconds: 6)
        #expect(!stream.issues.isDisjoint(with: [.gopSizeLong, .gopSizeOver]), "it does not flap")
        stream.run(seconds: 20)
        #expect(stream.issues == [])
    }

    @Test(arguments: [1.002, 0.998, 1.0001]) func comparesThePublishersClockWithOurs(speed: Double) throws {
        var stream = Stream()
        stream.speed = speed
        stream.run(seconds: 170)
        let drift = try #require(stream.meter.health(at: stream.now).measures.clockDriftPPM)
        #expect(abs(drift - (speed - 1) * 1_000_000) < 150, "\(drift)")
        #expect(stream.issues.contains(.clockDrift) == (abs(speed - 1) > 0.0005))
    }

    @Test func nothingComesFromWhoIsGone() {
        var stream = Stream()
        stream.run(seconds: 15)
        #expect(stream.meter.health(at: stream.now + 3_000_000_000).summary.status == .noData)
    }

    @Test func knowsOpenGroupsByTheirRecoveryPoints() {
        // A recovery point SEI (type 6, payload 6, one byte), then a slice that is no IDR.
        let open = ByteBuffer(bytes: [0, 0, 0, 4, 0x06, 0x06, 0x01, 0x84, 0, 0, 0, 2, 0x61, 0x80])
        let plain = ByteBuffer(bytes: [0, 0, 0, 4, 0x06, 0x05, 0x01, 0x84, 0, 0, 0, 2, 0x61, 0x80])
        #expect(OpenGop.isRecoveryPoint(open))
        #expect(!OpenGop.isRecoveryPoint(plain))
        for length in 0..<open.readableBytes {
            _ = OpenGop.isRecoveryPoint(open.getSlice(at: 0, length: length) ?? ByteBuffer())
        }
        #expect(OpenGop.isCleanRandomAccess(ByteBuffer(bytes: [0, 0, 0, 2, 21 << 1, 1])))
        #expect(!OpenGop.isCleanRandomAccess(ByteBuffer(bytes: [0, 0, 0, 2, 19 << 1, 1])))
    }
}
