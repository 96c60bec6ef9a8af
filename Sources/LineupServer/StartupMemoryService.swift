import CPages
import ServiceLifecycle

/// Gives back, once, the memory that only the start needed (design §10, idle memory): code that ran through, and what was freed.
///
/// It is clean or free, so nothing can be lost by it: what is used again is read again, from the page cache.
struct StartupMemoryService: Service {
    var timer: any Clock<Duration> = ContinuousClock()

    /// By then the slate is made and encoders that wait have come back.
    static let pause: Duration = .seconds(15)

    func run() async throws {
        // Cancelled by the graceful shutdown: then there is nothing left to save.
        try? await cancelWhenGracefulShutdown {
            try await timer.sleep(for: Self.pause)
            lineup_release_clean_pages()
        }
        // A service that returns ends the server.
        try? await gracefulShutdown()
    }
}
