package import Domain
package import NIOCore

/// A made-up publisher's media: groups of pictures with or without B-frames, and AAC frames beside them, with timestamps in
/// whole milliseconds as RTMP has them. Endless, in DTS order; the payloads say whose they are and when they were made.
package struct ProgrammeTape: Sendable {
    package struct Shape: Sendable {
        package var frameRate: Double
        package var groupSeconds: Double
        /// 0…3 between two reference pictures; 3 is a pyramid.
        package var bFrames: Int
        package var sampleRate: Int
        package var channels: Int
        package var width: Int
        /// Behind each key frame but the first come pictures that are shown before it (an open group of pictures).
        package var isOpen: Bool
        /// Key frames of HEVC's open groups are CRA pictures with RASL pictures behind them, or, where this is set, IDR pictures with RADL
        /// pictures.
        package var codec: VideoFormat.Codec
        package var hasDecodableLeading: Bool

        package init(
            frameRate: Double = 30, groupSeconds: Double = 2, bFrames: Int = 0, sampleRate: Int = 48_000,
            channels: Int = 2, width: Int = 1280, isOpen: Bool = false, codec: VideoFormat.Codec = .h264,
            hasDecodableLeading: Bool = false
        ) {
            self.frameRate = frameRate
            self.groupSeconds = groupSeconds
            self.bFrames = min(3, max(0, bFrames))
            self.sampleRate = sampleRate
            self.channels = channels
            self.width = width
            self.isOpen = isOpen && self.bFrames > 0
            self.codec = codec
            self.hasDecodableLeading = hasDecodableLeading
        }

        package var frameDuration: MediaTime { .seconds(1 / frameRate) }
        package var framesPerGroup: Int { max(1, Int((frameRate * groupSeconds).rounded())) }

        /// Decode order within a mini-group, as display offsets from its first picture.
        fileprivate var order: [Int] {
            switch bFrames {
            case 0: [1]
            case 1: [2, 1]
            case 2: [3, 1, 2]
            default: [4, 2, 1, 3]
            }
        }

        /// Pictures that are decoded before the first is shown.
        package var reorder: Int { bFrames == 0 ? 0 : bFrames == 3 ? 2 : 1 }
    }

    package let shape: Shape
    /// The publisher's name in the payloads.
    package let mark: UInt8
    /// The publisher's clock when the tape begins, in milliseconds.
    package let startMilliseconds: Int64
    private var videoIndex: Int64 = 0
    private var audioIndex: Int64 = 0

    package init(shape: Shape, mark: UInt8, startMilliseconds: Int64 = 0) {
        self.shape = shape
        self.mark = mark
        self.startMilliseconds = startMilliseconds
    }

    package var videoFormat: VideoFormat {
        .synthetic(width: shape.width, frameRate: nil, mark: 1, codec: shape.codec)
    }

    package var audioFormat: AudioFormat { .synthetic(sampleRate: shape.sampleRate, channels: shape.channels) }

    /// The next unit, and how long after the tape's beginning a live encoder has it.
    package mutating func next() -> (unit: AccessUnit, after: MediaTime) {
        let video = videoTime(videoIndex)
        let audio = audioTime(audioIndex)
        return video <= audio ? nextPicture(at: video) : nextSound(at: audio)
    }

    private func videoTime(_ index: Int64) -> MediaTime { .seconds(Double(index) / shape.frameRate) }

    private func audioTime(_ index: Int64) -> MediaTime {
        MediaTime(ticks: index * 1024, timescale: Int64(shape.sampleRate))
    }

    /// Mini-groups follow each other without a break; every so often the first picture of one is a key frame.
    private mutating func nextOpenPicture(at time: MediaTime) -> (AccessUnit, MediaTime) {
        let order = shape.order
        let count = Int64(order.count)
        let minis = max(1, Int64(shape.framesPerGroup) / count)
        var display: Int64 = 0
        var kind = PictureKind.closedKey
        if videoIndex > 0 {
            let (mini, place) = (videoIndex - 1).quotientAndRemainder(dividingBy: count)
            display = mini * count + Int64(order[Int(place)])
            let isOfKey = (mini + 1) % minis == 0
            kind = place == 0 ? (isOfKey ? .openKey : .trailing) : (isOfKey ? .leading : .trailing)
        }
        videoIndex += 1
        return picture(at: time, display: display, kind)
    }

    private enum PictureKind { case closedKey, openKey, leading, trailing }

    private func picture(at time: MediaTime, display: Int64, _ kind: PictureKind) -> (AccessUnit, MediaTime) {
        let presentation = stamp(videoTime(display + Int64(shape.reorder)))
        return (
            AccessUnit(
                track: .video, decodeTime: stamp(time), presentationTime: presentation,
                isKeyFrame: kind == .closedKey || kind == .openKey,
                payload: pictureBytes(kind, presentation: presentation)), time
        )
    }

    private mutating func nextPicture(at time: MediaTime) -> (AccessUnit, MediaTime) {
        if shape.isOpen { return nextOpenPicture(at: time) }
        let perGroup = Int64(shape.framesPerGroup)
        let inGroup = Int(videoIndex % perGroup)
        let group = videoIndex - Int64(inGroup)
        let display = group + displayPlace(of: inGroup, of: Int(perGroup))
        videoIndex += 1
        return picture(at: time, display: display, inGroup == 0 ? .closedKey : .trailing)
    }

    /// Where the picture decoded at `place` is shown; the tail of a group that no mini-group fills has no B-frames.
    private func displayPlace(of place: Int, of count: Int) -> Int64 {
        guard place > 0 else { return 0 }
        let order = shape.order
        let mini = (place - 1) / order.count
        let base = mini * order.count
        guard base + order.count < count else { return Int64(place) }
        return Int64(base + order[(place - 1) % order.count])
    }

    private func unitHeader(_ kind: PictureKind) -> [UInt8] {
        guard shape.codec == .hevc else { return [kind == .closedKey || kind == .openKey ? 0x65 : 0x41] }
        // ITU-T H.265 table 7-1.
        let type: UInt8 =
            switch kind {
            case .closedKey: 20
            case .openKey: shape.hasDecodableLeading ? 19 : 21
            case .leading: shape.hasDecodableLeading ? 7 : 9
            case .trailing: 1
            }
        return [type << 1, 1]
    }

    private mutating func nextSound(at time: MediaTime) -> (AccessUnit, MediaTime) {
        audioIndex += 1
        let stamped = stamp(time)
        var payload = ByteBuffer()
        payload.writeInteger(mark)
        payload.writeInteger(stamped.nanoseconds)
        return (
            AccessUnit(
                track: .audio, decodeTime: stamped, presentationTime: stamped, isKeyFrame: true, payload: payload),
            time
        )
    }

    private func stamp(_ time: MediaTime) -> MediaTime {
        .milliseconds(startMilliseconds + time.ticks(timescale: 1000))
    }

    private func pictureBytes(_ kind: PictureKind, presentation: MediaTime) -> ByteBuffer {
        var payload = ByteBuffer()
        let header = unitHeader(kind)
        payload.writeInteger(UInt32(header.count + 9))
        payload.writeBytes(header)
        payload.writeInteger(mark)
        payload.writeInteger(presentation.nanoseconds)
        return payload
    }
}

/// What a tape's payload says: whose it is, and its time on the publisher's clock.
package struct TapeStamp: Equatable, Sendable {
    package var mark: UInt8
    package var presentation: MediaTime

    /// - Parameter payload: of a unit from a tape, whatever stands before.
    package init?(_ payload: ByteBuffer) {
        let start = payload.writerIndex - 9
        guard start >= 0, let mark: UInt8 = payload.getInteger(at: start),
            let time: Int64 = payload.getInteger(at: start + 1)
        else { return nil }
        self.mark = mark
        self.presentation = MediaTime(nanoseconds: time)
    }
}

extension VideoFormat {
    /// Looks like a High-profile stream, or one of HEVC's Main profile, of this width; `mark` makes configurations differ.
    package static func synthetic(
        width: Int, frameRate: Double?, mark: UInt8, codec: VideoFormat.Codec = .h264
    ) -> VideoFormat {
        guard codec != .hevc else {
            let sets: [[UInt8]] = [
                [0x40, 1, mark], [0x42, 1, mark, UInt8(truncatingIfNeeded: width >> 4)], [0x44, 1, mark],
            ]
            return VideoFormat(
                codec: .hevc, configuration: sets.flatMap { $0 }, parameterSets: sets, width: width,
                height: width * 9 / 16, frameRate: frameRate, profile: 1, constraints: 0, level: 120)
        }
        let sets: [[UInt8]] = [[0x67, 0x64, 0, mark, UInt8(truncatingIfNeeded: width >> 4)], [0x68, mark]]
        return VideoFormat(
            configuration: sets.flatMap { $0 }, parameterSets: sets, width: width, height: width * 9 / 16,
            frameRate: frameRate, profile: 100, constraints: 0, level: 40)
    }
}

extension AudioFormat {
    package static func synthetic(sampleRate: Int, channels: Int) -> AudioFormat {
        // AudioSpecificConfig: AAC-LC, the rate's index, the layout.
        let rates = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000]
        let bits = 2 << 11 | (rates.firstIndex(of: sampleRate) ?? 3) << 7 | channels << 3
        return AudioFormat(
            configuration: [UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits)],
            sampleRate: sampleRate, channels: channels)
    }
}

extension SlateClip {
    /// A two-second loop; its payloads carry mark 0.
    package static func synthetic(frameRate: Int = 30, sampleRate: Int = 48_000) -> SlateClip {
        let shape = ProgrammeTape.Shape(frameRate: Double(frameRate), sampleRate: sampleRate)
        let duration = MediaTime.milliseconds(2000)
        let count = frameRate * 2
        var pictures: [AccessUnit] = []
        for index in 0..<count {
            let time = duration * Int64(index) / Int64(count)
            var payload = ByteBuffer()
            payload.writeInteger(UInt32(10))
            payload.writeInteger(UInt8(index == 0 ? 0x65 : 0x41))
            payload.writeInteger(UInt8(0))
            payload.writeInteger(time.nanoseconds)
            pictures.append(
                AccessUnit(
                    track: .video, decodeTime: time, presentationTime: time, isKeyFrame: index == 0, payload: payload))
        }
        var silence = ByteBuffer()
        silence.writeInteger(UInt8(0))
        silence.writeInteger(Int64(0))
        let format = ProgrammeFormat(
            video: .synthetic(width: 1920, frameRate: shape.frameRate, mark: 0),
            audio: .synthetic(sampleRate: sampleRate, channels: 2))
        return SlateClip(format: format, video: pictures, videoDuration: duration, silence: silence)
    }
}
