// What every source of the library shares: how a function is exported, and what it returns.
#pragma once
#include <new>

#define UNGRID_EXPORT extern "C" __attribute__((visibility("default")))

// Counts up with every change of an exported signature; native_library.ABI in Python is the same number.
#define UNGRID_ABI_VERSION 1

enum Status { kDone = 0, kOutOfMemory = 1, kFailed = 2 };

// Runs the body of an exported function; no C++ exception leaves the library.
template <class Body>
int guarded(Body&& body) noexcept {
  try {
    body();
    return kDone;
  } catch (const std::bad_alloc&) {
    return kOutOfMemory;
  } catch (...) {
    return kFailed;
  }
}
