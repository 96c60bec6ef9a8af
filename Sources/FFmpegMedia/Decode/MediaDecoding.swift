package import Domain
package import Logging
import ServiceLifecycle

/// Decodes for the server in two child processes, one for sound and one for stills, so that a slow picture delays no level and
/// hostile media can kill a child only (design §3). Children run while there is something to decode.
package final class MediaDecoding: Service, Sendable {
    private let meters: SoundMeters
    private let makers: StillMakers
    private let soundLane: DecodeLane
    private let stillLane: DecodeLane

    package init(program: DecodeProgram = DecodeProgram(), logger: Logger) {
        let (soundBell, stillBell) = (WorkBell(), WorkBell())
        let meters = SoundMeters { soundBell.ring() }
        let makers = StillMakers { stillBell.ring() }
        self.meters = meters
        self.makers = makers
        soundLane = DecodeLane(name: "sound", program: program, bell: soundBell, logger: logger) {
            meters.next(for: $0)
        }
        // Half of a core at most, however many look: what they see is older then.
        stillLane = DecodeLane(name: "stills", program: program, bell: stillBell, paceFactor: 2, logger: logger) { _ in
            makers.next()
        }
    }

    package var decoding: PublisherDecoding { PublisherDecoding(sound: meters, stills: makers) }

    /// Until graceful shutdown or cancellation.
    package func run() async throws {
        await cancelWhenGracefulShutdown { [soundLane, stillLane] in
            await withDiscardingTaskGroup { group in
                group.addTask { await soundLane.run() }
                group.addTask { await stillLane.run() }
            }
        }
        makers.end()
    }
}
