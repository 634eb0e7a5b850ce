// A pool of threads that sleep between calls: `parallel(n, body)` runs body(0) … body(n - 1) and returns when all are done.
#pragma once
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

class Pool {
 public:
  using Body = std::function<void(int)>;

  // The caller runs body(0). The first exception of any part is thrown again here, after all parts ended.
  void run(int n_threads, const Body& body) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      while (n_workers_ < n_threads - 1) add_worker();
      body_ = &body;
      n_active_ = n_threads - 1;
      n_running_.store(n_active_, std::memory_order_relaxed);
      error_ = nullptr;
      ++generation_;
    }
    wake_.notify_all();
    attempt(body, 0);
    wait();
    if (error_) std::rethrow_exception(error_);
  }

  std::mutex in_use;  // held by the thread whose call the pool serves

 private:
  void add_worker() {
    const int part = n_workers_ + 1;
    const long seen = generation_;
    std::thread([this, part, seen] { work(part, seen); }).detach();
    ++n_workers_;
  }

  void work(int part, long seen) {
    for (;;) {
      const Body* body;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_ != seen; });
        seen = generation_;
        if (part > n_active_) continue;
        body = body_;
      }
      attempt(*body, part);
      if (n_running_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        std::lock_guard<std::mutex> lock(mutex_);
        done_.notify_one();
      }
    }
  }

  void attempt(const Body& body, int part) {
    try {
      body(part);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  // Parts end at nearly the same time, so a short spin saves most sleeps; a longer one would take a core from others.
  void wait() {
    const auto patience = std::chrono::steady_clock::now() + std::chrono::microseconds(20);
    while (n_running_.load(std::memory_order_acquire) && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [&] { return n_running_.load(std::memory_order_acquire) == 0; });
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  const Body* body_ = nullptr;
  std::exception_ptr error_;
  int n_workers_ = 0, n_active_ = 0;
  long generation_ = 0;
  std::atomic<int> n_running_{0};
};

// The process's pool. A forked child has none of its parent's threads and gets a new pool; neither is ever destroyed.
inline Pool& process_pool() {
  static std::atomic<Pool*> pool{new Pool};
  static const int registered = pthread_atfork(nullptr, nullptr, [] { pool.store(new Pool); });
  (void)registered;
  return *pool.load();
}

// Where another thread has the pool, the parts run here one after another: who runs a part never changes its result.
inline void parallel(int n_threads, const Pool::Body& body) {
  if (n_threads <= 1) return body(0);
  Pool& pool = process_pool();
  std::unique_lock<std::mutex> turn(pool.in_use, std::try_to_lock);
  if (turn.owns_lock()) return pool.run(n_threads, body);
  for (int part = 0; part < n_threads; ++part) body(part);
}
