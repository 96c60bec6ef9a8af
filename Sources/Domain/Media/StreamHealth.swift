/// What is wrong with a publisher's stream, named as the platforms name it (YouTube's `configurationIssues`), with names of our
/// own where they have none.
package enum StreamIssue: String, Sendable, Hashable, Encodable, CaseIterable {
    case noVideoStream, noAudioStream, videoCodec, audioCodec, videoResolutionUnsupported, frameRateHigh, bitrateHigh
    case audioTooManyChannels, audioSampleRate, bitrateLow, audioBitrateLow, gopSizeLong, gopSizeOver, gopSizeShort
    case openGop, videoIngestionStarved, videoIngestionFasterThanRealtime
    // Ours.
    case bFrames, silentAudio, oneSidedAudio, frozenVideo, arrivalJitter, clockDrift, audioVideoOffset, multitrack

    package enum Severity: String, Sendable, Encodable {
        /// Worth knowing; nothing suffers.
        case info
        /// Viewers or the hand-over may suffer.
        case warning
        /// Keeps the DJ from the air, or breaks what is seen.
        case error
    }

    package var severity: Severity {
        switch self {
        case .videoCodec, .audioCodec, .videoResolutionUnsupported, .frameRateHigh, .bitrateHigh,
            .audioTooManyChannels, .videoIngestionStarved:
            .error
        case .noVideoStream, .noAudioStream, .audioSampleRate, .gopSizeLong, .gopSizeOver, .gopSizeShort, .openGop,
            .videoIngestionFasterThanRealtime, .silentAudio, .oneSidedAudio, .frozenVideo, .arrivalJitter,
            .clockDrift, .audioVideoOffset:
            .warning
        case .bitrateLow, .audioBitrateLow, .bFrames, .multitrack: .info
        }
    }
}

/// A stream's health in short: what the queue tells of, and what pages show beside a name.
package struct HealthSummary: Sendable, Equatable, Encodable {
    /// As the platforms say it.
    package enum Status: String, Sendable, Encodable {
        /// Nothing comes.
        case noData
        case good
        /// Something to mend, nothing that breaks.
        case ok
        case bad
    }

    package struct Issue: Sendable, Equatable, Encodable {
        package var type: StreamIssue
        package var severity: StreamIssue.Severity
        /// One sentence that says what the DJ should change.
        package var advice: String

        package init(type: StreamIssue, advice: String) {
            self.type = type
            self.severity = type.severity
            self.advice = advice
        }
    }

    package var status: Status
    /// The worst first.
    package var issues: [Issue]

    package init(status: Status, issues: [Issue]) {
        self.status = status
        self.issues = issues
    }

    /// The status that these issues make.
    package init(issues: [Issue]) {
        let worst = issues.map(\.severity)
        self.init(
            status: worst.contains(.error) ? .bad : worst.contains(.warning) ? .ok : .good,
            issues: issues.sorted { Self.rank($0.severity) < Self.rank($1.severity) })
    }

    private static func rank(_ severity: StreamIssue.Severity) -> Int {
        switch severity {
        case .error: 0
        case .warning: 1
        case .info: 2
        }
    }
}

/// What a publisher sends, measured over the last ten seconds of arrival.
package struct StreamMeasures: Sendable, Equatable, Encodable {
    package var videoCodec: String?
    package var width: Int?
    package var height: Int?
    /// From the pictures' own timestamps.
    package var frameRate: Double?
    package var videoBitsPerSecond: Int?
    /// Between the last two key frames, or since the last one where that is longer.
    package var keyFrameIntervalSeconds: Double?
    package var hasBFrames = false
    package var hasOpenGop = false
    package var audioCodec: String?
    package var sampleRate: Int?
    package var channels: Int?
    package var audioBitsPerSecond: Int?
    /// How much later than the promptest unit of the same second the latest one came; the worst of the window.
    package var arrivalJitterMilliseconds: Double?
    /// How much faster the publisher's clock runs than ours, over two minutes; `nil` before.
    package var clockDriftPPM: Double?
    /// How far the sound's timestamps run ahead of the picture's as they arrive.
    package var audioVideoOffsetMilliseconds: Double?
    /// Seconds of media a second of arrival.
    package var ingestionRate: Double?
    /// How often nothing came for a second or more.
    package var stalls = 0

    package init() {}
}

package struct StreamHealth: Sendable, Equatable, Encodable {
    package var summary: HealthSummary
    package var measures: StreamMeasures

    package init(summary: HealthSummary, measures: StreamMeasures) {
        self.summary = summary
        self.measures = measures
    }
}

/// Looks a live publisher's health up; implemented by `Ingest`. Any thread, never waits.
package protocol StreamHealthDesk: Sendable {
    /// `nil` when this person publishes nothing here.
    func health(of user: UserID) -> StreamHealth?
}
