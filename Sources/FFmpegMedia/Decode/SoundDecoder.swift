import CFFmpeg
import Domain
import Foundation
import NIOCore

/// The loudest sample and the sum of squares of each channel, over some samples.
struct SoundSums {
    var samples = 0
    var peaks: [Float] = []
    var squares: [Double] = []

    mutating func add(_ channel: Int, peak: Float, squares sum: Double) {
        while peaks.count <= channel {
            peaks.append(0)
            squares.append(0)
        }
        peaks[channel] = max(peaks[channel], peak)
        squares[channel] += sum
    }
}

/// From amplitudes, where full scale is 1, to dBFS.
enum Decibels {
    static func of(amplitude: Float) -> Double { bounded(20 * log10(Double(amplitude))) }
    static func of(power: Float) -> Double { bounded(10 * log10(Double(power))) }

    /// To a tenth, from `SoundLevels.floor`; a hostile stream may decode to anything.
    private static func bounded(_ value: Double) -> Double {
        guard value.isFinite else { return value == .infinity ? 60 : SoundLevels.floor }
        return min(60, max(SoundLevels.floor, (value * 10).rounded() / 10))
    }
}

/// Decodes one publisher's sound, in the worker, and keeps nothing of it but the sums.
final class SoundDecoder {
    /// 7.1.
    private static let maximumChannels = 8
    private var context: UnsafeMutablePointer<AVCodecContext>
    private let frame: UnsafeMutablePointer<AVFrame>

    init(_ format: AudioFormat) throws(MediaError) {
        let identifier: AVCodecID =
            switch format.codec {
            case .aac: AV_CODEC_ID_AAC
            case .opus: AV_CODEC_ID_OPUS
            case .mp3: AV_CODEC_ID_MP3
            case .flac: AV_CODEC_ID_FLAC
            case .ac3: AV_CODEC_ID_AC3
            case .eac3: AV_CODEC_ID_EAC3
            }
        guard let codec = avcodec_find_decoder(identifier) else {
            throw MediaError(.missingComponent, "libavcodec has no decoder for \(format.codec.name)")
        }
        context = try allocated(avcodec_alloc_context3(codec), "avcodec_alloc_context3")
        frame = try allocated(av_frame_alloc(), "av_frame_alloc")
        context.pointee.thread_count = 1
        context.pointee.sample_rate = Int32(clamping: format.sampleRate)
        av_channel_layout_default(
            &context.pointee.ch_layout, Int32(clamping: min(max(format.channels, 1), Self.maximumChannels)))
        try setConfiguration(format.configuration, of: context)
        try check(avcodec_open2(context, codec, nil), "avcodec_open2")
    }

    deinit {
        var frame: UnsafeMutablePointer<AVFrame>? = frame
        av_frame_free(&frame)
        var context: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&context)
    }

    /// A frame that is broken is left out.
    func decode(_ bytes: ByteBuffer, into sums: inout SoundSums) throws(MediaError) {
        try withPacket(holding: bytes) { packet throws(MediaError) in
            guard avcodec_send_packet(context, packet) >= 0 else { return }
            while avcodec_receive_frame(context, frame) >= 0 { add(frame, to: &sums) }
        }
    }

    private func add(_ frame: UnsafeMutablePointer<AVFrame>, to sums: inout SoundSums) {
        let samples = Int(frame.pointee.nb_samples)
        let channels = min(Int(frame.pointee.ch_layout.nb_channels), Self.maximumChannels)
        guard samples > 0, channels > 0, let planes = frame.pointee.extended_data else { return }
        let format = AVSampleFormat(frame.pointee.format)
        let isPlanar = av_sample_fmt_is_planar(format) != 0
        let step = isPlanar ? 1 : Int(frame.pointee.ch_layout.nb_channels)
        for channel in 0..<channels {
            guard let plane = planes[isPlanar ? channel : 0] else { return }
            let first = isPlanar ? 0 : channel
            let level: Level? =
                switch format {
                case AV_SAMPLE_FMT_FLTP, AV_SAMPLE_FMT_FLT: Level(of: plane, Float.self, samples, first, step) { $0 }
                case AV_SAMPLE_FMT_S16P, AV_SAMPLE_FMT_S16:
                    Level(of: plane, Int16.self, samples, first, step) { Float($0) / 32_768 }
                case AV_SAMPLE_FMT_S32P, AV_SAMPLE_FMT_S32:
                    Level(of: plane, Int32.self, samples, first, step) { Float($0) / 2_147_483_648 }
                default: nil
                }
            guard let level else { return }
            sums.add(channel, peak: level.peak, squares: level.squares)
        }
        sums.samples += samples
    }

    private struct Level {
        var peak: Float = 0
        var squares: Double = 0

        init<Sample>(
            of plane: UnsafeMutablePointer<UInt8>, _: Sample.Type, _ samples: Int, _ first: Int, _ step: Int,
            amplitude: (Sample) -> Float
        ) {
            plane.withMemoryRebound(to: Sample.self, capacity: first + (samples - 1) * step + 1) { values in
                for index in 0..<samples {
                    let value = abs(amplitude(values[first + index * step]))
                    guard value.isFinite else { continue }
                    peak = max(peak, value)
                    squares += Double(value * value)
                }
            }
        }
    }
}

/// Hands a decoder its track's configuration record, padded with zeros as decoders that read ahead need it.
func setConfiguration(
    _ bytes: [UInt8], of context: UnsafeMutablePointer<AVCodecContext>
) throws(MediaError) {
    guard !bytes.isEmpty else { return }
    let memory = try allocated(av_mallocz(bytes.count + Int(AV_INPUT_BUFFER_PADDING_SIZE)), "av_mallocz")
    memory.copyMemory(from: bytes, byteCount: bytes.count)
    context.pointee.extradata = memory.assumingMemoryBound(to: UInt8.self)
    context.pointee.extradata_size = Int32(clamping: bytes.count)
}

/// A packet of its own for these bytes, padded likewise.
func withPacket(
    holding bytes: ByteBuffer, _ body: (UnsafeMutablePointer<AVPacket>) throws(MediaError) -> Void
) throws(MediaError) {
    let packet = try allocated(av_packet_alloc(), "av_packet_alloc")
    defer {
        var packet: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&packet)
    }
    try check(av_new_packet(packet, Int32(clamping: bytes.readableBytes)), "av_new_packet")
    bytes.withUnsafeReadableBytes { source in
        guard let base = source.baseAddress, let data = packet.pointee.data else { return }
        UnsafeMutableRawPointer(data).copyMemory(from: base, byteCount: source.count)
    }
    try body(packet)
}
