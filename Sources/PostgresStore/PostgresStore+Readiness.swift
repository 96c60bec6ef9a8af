package import Domain

extension PostgresStore: ReadinessReporting {
    /// One check, `database`: whether the queue's connection answers and the tables are there.
    package func readiness() async -> [ReadinessCheck] {
        do {
            try await queueLane.perform { link in _ = try link.query("SELECT 1 FROM channels LIMIT 1") }
            return [ReadinessCheck(name: "database", isOK: true)]
        } catch {
            return [ReadinessCheck(name: "database", isOK: false, cause: "\(error)")]
        }
    }
}
