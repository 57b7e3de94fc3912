/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* containers.cpp - libc++ at work: maps, hashing, sorting, strings, shared ownership, virtual calls,
 * closures, variants. */
#include <algorithm>
#include <bitset>
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

struct Shape {
    virtual ~Shape() = default;
    virtual double area() const = 0;
    virtual std::string name() const { return "shape"; }
};
struct Circle : Shape {
    double r;
    explicit Circle(double radius) : r(radius) {}
    double area() const override { return 3.25 * r * r; }
    std::string name() const override { return "circle"; }
};
struct Square : virtual Shape {
    double side = 2;
    double area() const override { return side * side; }
};

static std::vector<std::string_view> split(std::string_view text, char by)
{
    std::vector<std::string_view> parts;
    for (;;) {
        size_t end = text.find(by);
        parts.push_back(text.substr(0, end));
        if (end == text.npos) return parts;
        text.remove_prefix(end + 1);
    }
}

int main(int argc, char **argv)
{
    std::string text = "the quick brown fox jumps over the lazy dog and the quick cat";
    std::map<std::string, int> counts;
    for (auto word : split(text, ' ')) counts[std::string(word)]++;
    for (auto &[word, n] : counts)
        if (n > 1) printf("%s %d\n", word.c_str(), n);

    std::unordered_map<unsigned, std::string> table;
    unsigned seed = 12345;
    for (int i = 0; i < 5000; i++) {
        seed = seed * 1664525 + 1013904223;
        table[seed % 1000] += static_cast<char>('a' + (seed >> 16) % 26);
        if (seed % 5 == 0) table.erase(seed / 3 % 1000);
    }
    size_t letters = 0;
    for (auto &entry : table) letters += entry.second.size() * entry.first;
    printf("%zu entries, %zu\n", table.size(), letters);

    std::vector<unsigned> numbers(2000);
    for (auto &n : numbers) n = seed = seed * 22695477 + 1;
    std::stable_sort(numbers.begin(), numbers.end(), [](auto a, auto b) { return a % 977 < b % 977; });
    std::partial_sum(numbers.begin(), numbers.end(), numbers.begin());
    std::sort(numbers.begin(), numbers.end(), std::greater<>());
    printf("%u %u %u\n", numbers.front(), numbers[1000], numbers.back());

    std::vector<std::shared_ptr<Shape>> shapes{std::make_shared<Circle>(1.5), std::make_shared<Square>()};
    shapes.push_back(shapes[0]);
    for (auto &shape : shapes)
        printf("%s %g %ld\n", shape->name().c_str(), shape->area(), shape.use_count());
    printf("%s\n", dynamic_cast<Square *>(shapes[1].get()) ? "a square" : "not a square");

    std::priority_queue<int, std::vector<int>, std::greater<>> queue;
    std::deque<int> line;
    std::set<int> seen;
    for (int i = 0; i < 300; i++) {
        queue.push(i * 7919 % 1009);
        i % 3 ? line.push_back(i) : line.push_front(i);
        seen.insert(i * i % 257);
    }
    int head = 0;
    for (int i = 0; i < 100; i++) head = queue.top(), queue.pop();
    printf("%d %d %d %zu\n", head, line.front(), line[150], seen.size());

    std::vector<std::function<int(int)>> steps;
    for (int k = 1; k < 6; k++) steps.push_back([k, copy = text](int v) { return v * k + copy[(size_t)k]; });
    printf("%d\n", std::accumulate(steps.begin(), steps.end(), 1, [](int v, auto &f) { return f(v); }));

    std::variant<int, std::string, double> values[] = {1, std::string("two"), 3.5};
    for (auto &value : values)
        std::visit([](auto &v) { printf("%zu ", sizeof v > 8 ? size_t{99} : sizeof v); }, value);
    std::optional<std::string> first = argc > 1 ? std::optional(argv[1]) : std::nullopt;
    printf("%s\n", first.value_or("no argument").c_str());
    printf("%s\n", std::bitset<20>(argc * 40503u).to_string().c_str());
    return static_cast<int>(counts.size());
}
