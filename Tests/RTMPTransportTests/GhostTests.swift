import Domain
import Ingest
import Logging
import NIOCore
import RTMPTransport
import Synchronization
import Testing

/// The same key publishes again while its older connection is still there in the eyes of its socket (design §4, rule 4).
@Suite(.timeLimit(.minutes(1)))
struct GhostTests {
    /// Gives each newcomer the place and sends whoever had it away, as the queue does.
    private final class OnePlace: QueueDoor {
        func healthChanged(_ session: PublishSessionID, to health: HealthSummary) {}
        private struct State {
            var holder: PublishSessionID?
            var control: (any PublisherControl)?
        }
        private let state = Mutex(State())
        private let (joined, joining) = AsyncStream.makeStream(of: PublishSessionID.self)
        private let (ended, ending) = AsyncStream.makeStream(of: PublisherEnd.self)

        func use(_ control: any PublisherControl) { state.withLock { $0.control = control } }

        func join(_ publisher: PublisherIdentity) async -> Result<EntryID, PublishRefusal> {
            let (older, control) = state.withLock { state in
                defer { state.holder = publisher.session }
                return (state.holder, state.control)
            }
            if let older { control?.close(older, reason: "A newer connection with your key has taken over.") }
            joining.yield(publisher.session)
            return .success(.random())
        }
        func readinessChanged(_ session: PublishSessionID, to readiness: Readiness) {}
        func silenceChanged(_ session: PublishSessionID, isSilent: Bool) {}
        func mediaAbsent(_ session: PublishSessionID, picture: Duration?, sound: Duration?) {}
        func ended(_ session: PublishSessionID, how: PublisherEnd) { ending.yield(how) }

        func nextJoin() async { for await _ in joined { return } }
        func nextEnd() async -> PublisherEnd? {
            for await how in ended { return how }
            return nil
        }
    }

    private struct OneKey: KeyDirectory {
        let owner = KeyOwner(key: .random(), user: .random(), name: "Ada", isRevoked: false, isDisabled: false)
        func owner(ofKeyDigest digest: [UInt8]) async throws -> KeyOwner? { owner }
        func noteUse(of key: KeyID) async throws {}
    }

    private struct PlainDigest: Digesting {
        func sha256(_ bytes: [UInt8]) -> [UInt8] { bytes }
    }

    private struct NoRack: InputRack {
        func attach(_ line: DelayLine, as session: PublishSessionID) {}
        func detach(_ session: PublishSessionID) {}
    }

    private func makeGate(_ queue: OnePlace) -> IngestService {
        let ingest = IngestService(
            keys: OneKey(), digests: PlainDigest(), queue: queue, rack: NoRack(), envelope: Envelope(),
            programmeDelay: .zero, logger: Logger(label: "test"))
        queue.use(ingest)
        return ingest
    }

    @Test func aPeerThatNeitherReadsNorSpeaksIsReplacedWithoutItsHelp() async throws {
        let queue = OnePlace()
        var limits = RTMPServerConfiguration.Limits()
        // Two: the newer is only let in once the ghost and its closing hold no place.
        limits.maximumConnectionsPerAddress = 2
        limits.lingerLimit = .milliseconds(50)
        try await withServer(makeGate(queue), limits: limits) { port in
            var ghosts: [RawClient] = []
            for round in 0..<3 {
                let client = try await RawClient.connect(port: port, isReading: false)
                ghosts.append(client)
                try await client.send(PeerBytes.publish("key"))
                await queue.nextJoin()
                #expect(SystemSockets.connection(from: client.localPort, to: port)?.isEstablished == true)
                if round > 0 { #expect(await queue.nextEnd() == .closedByServer) }
                // The ghost's descriptor is gone as well, though the peer never answered.
                if round > 0 { try await waitUntilClosed(ghosts[round - 1], port: port) }
            }
            for ghost in ghosts { await ghost.close() }
        }
    }

    /// The system knows no established connection from that port any more.
    private func waitUntilClosed(_ client: RawClient, port: Int) async throws {
        while SystemSockets.connection(from: client.localPort, to: port)?.isEstablished == true { await Task.yield() }
    }

    @Test func theSystemAsksSilentPeersWhetherTheyLive() async throws {
        let queue = OnePlace()
        try await withServer(makeGate(queue)) { port in
            let client = try await RawClient.connect(port: port)
            try await client.send(PeerBytes.publish("key"))
            await queue.nextJoin()
            var socket = try #require(SystemSockets.accepted(on: port, from: client.localPort))
            // Until our answers are acknowledged another timer runs.
            while !socket.isKeptAlive {
                socket = try #require(SystemSockets.accepted(on: port, from: client.localPort))
            }
            #expect(socket.timerHundredths <= 1_000)
            await client.close()
        }
    }
}
