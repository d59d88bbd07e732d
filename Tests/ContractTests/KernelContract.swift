import Testing

/// The parent of all suites that change the kernel set or the number of threads, which belong to the process.
@Suite(.serialized)
enum KernelContract {}
