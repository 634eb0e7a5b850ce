// Checks of the exported functions without Python, for the sanitizers. A file selfcheck_x.cpp holds one static Check.
#pragma once
#include <functional>

class Check {
 public:
  Check(const char* name, std::function<void()> body);
};

// Counts a failure and says what it was, unless it holds.
void expect(bool holds, const char* what);

// Numbers in [-1, 1], the same in each run.
float any_number();
