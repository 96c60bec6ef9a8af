import CFFmpeg

/// An open libavcodec encoder. Owned by whoever made it, used on one thread.
final class Encoder {
    private(set) var context: UnsafeMutablePointer<AVCodecContext>
    private let packet: UnsafeMutablePointer<AVPacket>

    /// - Parameter configure: sets the context's fields before it is opened.
    init(
        _ name: String, options: [(String, String)],
        configure: (UnsafeMutablePointer<AVCodecContext>) -> Void
    ) throws(MediaError) {
        guard let codec = avcodec_find_encoder_by_name(name) else {
            throw MediaError(.missingComponent, "libavcodec has no encoder \(name)")
        }
        self.context = try allocated(avcodec_alloc_context3(codec), "avcodec_alloc_context3")
        self.packet = try allocated(av_packet_alloc(), "av_packet_alloc")
        context.pointee.flags |= AV_CODEC_FLAG_GLOBAL_HEADER
        context.pointee.thread_count = 1
        configure(context)
        var dictionary: OpaquePointer?
        defer { av_dict_free(&dictionary) }
        for (key, value) in options { try check(av_dict_set(&dictionary, key, value, 0), "av_dict_set") }
        try check(avcodec_open2(context, codec, &dictionary), "avcodec_open2")
        guard av_dict_count(dictionary) == 0 else {
            throw MediaError(.missingComponent, "the encoder \(name) does not know an option we need")
        }
    }

    deinit {
        var packet: UnsafeMutablePointer<AVPacket>? = packet
        av_packet_free(&packet)
        var context: UnsafeMutablePointer<AVCodecContext>? = context
        avcodec_free_context(&context)
    }

    var extradata: [UInt8] {
        guard let data = context.pointee.extradata else { return [] }
        return Array(UnsafeBufferPointer(start: data, count: Int(context.pointee.extradata_size)))
    }

    struct Output {
        var bytes: [UInt8]
        var isKeyFrame: Bool
    }

    /// Encodes one frame, or drains the encoder for `nil`; gives what came out of it so far.
    func encode(_ frame: UnsafeMutablePointer<AVFrame>?) throws(MediaError) -> [Output] {
        try check(avcodec_send_frame(context, frame), "avcodec_send_frame")
        var outputs: [Output] = []
        while true {
            let code = avcodec_receive_packet(context, packet)
            if code == lineup_averror_eagain || code == lineup_averror_eof { return outputs }
            try check(code, "avcodec_receive_packet")
            outputs.append(
                Output(
                    bytes: Array(UnsafeBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size))),
                    isKeyFrame: packet.pointee.flags & AV_PKT_FLAG_KEY != 0))
            av_packet_unref(packet)
        }
    }
}
