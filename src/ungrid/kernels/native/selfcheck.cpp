// Runs all checks; exit code 1 where one fails, 77 where the processor lacks the instruction set they were compiled for.
#include "selfcheck.h"

#include <cstdint>
#include <cstdio>
#include <utility>
#include <vector>

#include "vec.h"

extern "C" int ungrid_cpu_level();

namespace {

int failures = 0;

std::vector<std::pair<const char*, std::function<void()>>>& checks() {
  static std::vector<std::pair<const char*, std::function<void()>>> all;
  return all;
}

}  // namespace

Check::Check(const char* name, std::function<void()> body) { checks().emplace_back(name, std::move(body)); }

void expect(bool holds, const char* what) {
  if (holds) return;
  ++failures;
  std::fprintf(stderr, "selfcheck: not so: %s\n", what);
}

float any_number() {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
}

int main() {
  if (ungrid_cpu_level() < kInstructionSet) return 77;
  for (const auto& [name, body] : checks()) {
    const int before = failures;
    body();
    if (failures > before) std::fprintf(stderr, "selfcheck: %s failed\n", name);
  }
  return failures ? 1 : 0;
}
