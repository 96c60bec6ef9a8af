import Domain
import NIOCore

/// Reads the video codecs' configurations and pictures. Owned by one `MediaTagDecoder`.
///
/// H.264 and HEVC tell everything in their configuration. AV1's may lack the sequence header, and VP9's has no size: there the
/// format is known, and can change, with a key frame.
struct VideoTrackReader: Sendable {
    private enum Configuration: Sendable {
        case none
        case h264(AVCConfiguration)
        case hevc(HEVCConfiguration)
        case av1(AV1Configuration)
        case vp9(VP9Configuration)
    }

    enum Reading {
        case picture(ByteBuffer, isKeyFrame: Bool)
        /// No picture, or no configuration yet.
        case nothing
        case damaged
    }

    private var configuration = Configuration.none

    /// What holds for the next picture; `nil` while it is not known whole.
    private(set) var format: VideoFormat?

    /// - Throws: `CodecError` with the reason for the DJ; the track is without a configuration then.
    mutating func configure(_ codec: VideoFormat.Codec, _ record: ByteBuffer) throws(CodecError) {
        reset()
        switch codec {
        case .h264:
            let parsed = try AVCConfiguration(record)
            configuration = .h264(parsed)
            format = parsed.format
        case .hevc:
            let parsed = try HEVCConfiguration(record)
            configuration = .hevc(parsed)
            format = parsed.format
        case .av1: take(try AV1Configuration(record))
        case .vp9: configuration = .vp9(try VP9Configuration(record))
        }
    }

    /// AV1 announced with MPEG-2 TS's descriptor.
    mutating func configure(transportDescriptor: ByteBuffer) throws(CodecError) {
        reset()
        take(try AV1Configuration(transportDescriptor: transportDescriptor))
    }

    private mutating func reset() {
        configuration = .none
        format = nil
    }

    private mutating func take(_ parsed: AV1Configuration) {
        configuration = .av1(parsed)
        format = parsed.format.width > 0 ? parsed.format : nil
    }

    /// Looks at one picture and brings `format` up to it.
    mutating func read(_ codec: VideoFormat.Codec, _ payload: ByteBuffer) -> Reading {
        switch (configuration, codec) {
        case (.h264(let configuration), .h264): return Self.read(configuration, payload)
        case (.hevc(let configuration), .hevc): return Self.read(configuration, payload)
        case (.av1(let configuration), .av1): return read(configuration, payload)
        case (.vp9(let configuration), .vp9): return read(configuration, payload)
        case (.none, _), (.h264, _), (.hevc, _), (.av1, _), (.vp9, _): return .nothing
        }
    }

    private static func read(_ configuration: AVCConfiguration, _ payload: ByteBuffer) -> Reading {
        let summary = NALUnitSummary(payload, lengthSize: configuration.lengthSize)
        guard !summary.isBroken else { return .damaged }
        guard summary.containsPicture else { return .nothing }  // Parameter sets or SEI alone.
        return .picture(
            canonical(payload, lengthSize: configuration.lengthSize, hasEmptyUnits: summary.hasEmptyUnits),
            isKeyFrame: summary.containsIDR)
    }

    private static func read(_ configuration: HEVCConfiguration, _ payload: ByteBuffer) -> Reading {
        let summary = HEVCUnitSummary(payload, lengthSize: configuration.lengthSize)
        guard !summary.isBroken else { return .damaged }
        guard summary.containsPicture else { return .nothing }
        return .picture(
            canonical(payload, lengthSize: configuration.lengthSize, hasEmptyUnits: summary.hasEmptyUnits),
            isKeyFrame: summary.containsRandomAccess)
    }

    private static func canonical(_ payload: ByteBuffer, lengthSize: Int, hasEmptyUnits: Bool) -> ByteBuffer {
        lengthSize == 4 && !hasEmptyUnits ? payload : withFourByteLengths(payload, lengthSize: lengthSize)
    }

    private mutating func read(_ configuration: AV1Configuration, _ payload: ByteBuffer) -> Reading {
        let units = AV1Units(payload)
        guard !units.isBroken else { return .damaged }
        if let header = units.sequenceHeader {
            var changed = configuration
            do throws(CodecError) {
                try changed.update(header)
            } catch {
                return .damaged
            }
            take(changed)
        }
        guard format != nil, units.containsPicture else { return .nothing }
        return .picture(payload, isKeyFrame: units.startsWithKeyFrame && units.sequenceHeader != nil)
    }

    private mutating func read(_ configuration: VP9Configuration, _ payload: ByteBuffer) -> Reading {
        let header: VP9FrameHeader
        do throws(CodecError) {
            header = try VP9FrameHeader(payload)
        } catch {
            return .damaged
        }
        if header.keyPicture != nil {
            var changed = configuration
            changed.update(header)
            self.configuration = .vp9(changed)
            format = changed.format
        }
        return format == nil ? .nothing : .picture(payload, isKeyFrame: header.keyPicture != nil)
    }
}
