import Broadcast
import Domain
import FFmpegMedia
import HLS
import Logging
import Packaging
import RTMPTransport
import WebServer

/// Every wrapping of one channel's programme that viewers with a connection of their own read: one hub each, written on the
/// channel's loop. What nobody reads is kept, not wrapped, so that whoever comes starts with the running group.
struct ProgrammeHubs {
    let rtmp: Hub
    private let streams: [ProgrammeStreams.Wrapping: Hub]

    /// How long packets of a transport stream, or of sound, gather into one write.
    private static let merge: Duration = .milliseconds(50)

    init(channel: ChannelName, playMerge: Duration, logger: Logger) {
        rtmp = Hub(channel: channel, name: "rtmp", wrapping: RTMPHubWrapping(), mergeDelay: playMerge)
        func hub(
            _ name: String, merge: Duration = Self.merge, making: @escaping @Sendable () -> any HubPacketWrapping
        ) -> Hub {
            Hub(channel: channel, name: name, mergeDelay: merge, making: making)
        }
        streams = [
            .transportStream: hub("ts") { TransportStreamWrapping(logger: logger) },
            .audioFrames: hub("adts") { ADTSWrapping() },
            .audioFragments: hub("audio-mp4", merge: .zero) {
                FragmentWrapping(muxers: FFmpegMuxerFactory(), tracks: .audio, logger: logger)
            },
            .webSocketFragments: hub("ws-mp4", merge: .zero) {
                WebSocketWrapping(FragmentWrapping(muxers: FFmpegMuxerFactory(), logger: logger)) {
                    Self.describe($0, "video/mp4")
                }
            },
            .webSocketTransportStream: hub("ws-ts") {
                WebSocketWrapping(TransportStreamWrapping(logger: logger)) { Self.describe($0, "video/mp2t") }
            },
        ]
    }

    /// For the channel's loop.
    var readers: [any ProgrammeReader] { [rtmp] + Array(streams.values) }

    func stream(_ wrapping: ProgrammeStreams.Wrapping) -> (any ProgrammeHub)? { streams[wrapping] }

    /// What a page needs to make a `SourceBuffer`, as JSON; none of it comes from a publisher's words.
    private static func describe(_ format: ProgrammeFormat, _ container: String) -> String {
        let codecs = [CodecString.of(format.video), CodecString.of(format.audio)].joined(separator: ", ")
        return #"{"type":"format","mime":"\#(container); codecs=\"\#(codecs)\"","width":\#(format.video.width),"#
            + #""height":\#(format.video.height)}"#
    }
}
