import CFFmpeg

/// What the libav on this machine can do; for `lineup doctor`.
package enum FFmpegCapabilities {
    /// One thing the server needs of libav.
    package struct Capability: Sendable, Equatable {
        package var name: String
        package var isPresent: Bool
        /// The version, or what it is for.
        package var detail: String
        /// What to do when it is missing; `nil` when it is there.
        package var remedy: String?
    }

    /// All of them, in the order to show. Cheap: tables are looked up, nothing is opened.
    package static func report() -> [Capability] {
        [
            library("libavformat", avformat_version(), built: lineup_libavformat_version),
            library("libavcodec", avcodec_version(), built: lineup_libavcodec_version),
            library("libavfilter", avfilter_version(), built: lineup_libavfilter_version),
            part("encoder libx264", avcodec_find_encoder_by_name("libx264") != nil, "slates", "libavcodec59"),
            part("encoder libx265", avcodec_find_encoder_by_name("libx265") != nil, "slates in HEVC", "libavcodec59"),
            part("encoder aac", avcodec_find_encoder_by_name("aac") != nil, "slates", "libavcodec59"),
            part("decoder h264", avcodec_find_decoder(AV_CODEC_ID_H264) != nil, "stills, meters", "libavcodec59"),
            part("decoder aac", avcodec_find_decoder(AV_CODEC_ID_AAC) != nil, "meters", "libavcodec59"),
            part("filter color", avfilter_get_by_name("color") != nil, "slates", "libavfilter8"),
            part("filter drawtext", avfilter_get_by_name("drawtext") != nil, "text on slates", "libavfilter8"),
            part("font DejaVu Sans", SlatePictures.hasFont, "text on slates", "fonts-dejavu-core"),
            part("muxer mp4", av_guess_format("mp4", nil, nil) != nil, "HLS", "libavformat59"),
            part("muxer flv", av_guess_format("flv", nil, nil) != nil, "pushes", "libavformat59"),
        ]
    }

    /// A library must have the major version it was compiled against.
    private static func library(_ name: String, _ version: UInt32, built: UInt32) -> Capability {
        let fits = version >> 16 == built >> 16
        return Capability(
            name: name, isPresent: fits, detail: text(version),
            remedy: fits ? nil : "Built for \(name) \(text(built)): build lineup again on this machine.")
    }

    private static func part(_ name: String, _ isPresent: Bool, _ use: String, _ package: String) -> Capability {
        Capability(
            name: name, isPresent: isPresent, detail: "for \(use)",
            remedy: isPresent ? nil : "apt-get install \(package)")
    }

    private static func text(_ version: UInt32) -> String {
        "\(version >> 16).\(version >> 8 & 255).\(version & 255)"
    }
}
