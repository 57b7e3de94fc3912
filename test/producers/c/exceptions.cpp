/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* exceptions.cpp - catching by type and by base, cleanups on the way out, rethrowing, exceptions inside
 * handlers and destructors' order, through frames of every kind. */
#include <cstdio>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

static std::string trail;

struct Mark {
    char name;
    explicit Mark(char n) : name(n) { trail += n; }
    ~Mark() { trail += static_cast<char>(name - 'a' + 'A'); }
};

struct Base { virtual ~Base() = default; virtual int id() const { return 1; } };
struct Other { int filler = 7; virtual ~Other() = default; };
struct Derived : Other, Base { int id() const override { return 2; } };

static int deep(int depth, int kind)
{
    Mark mark('a');
    if (depth > 0) return deep(depth - 1, kind) + 1;
    switch (kind) {
    case 0: return 0;
    case 1: throw 42;
    case 2: throw std::out_of_range("depth reached " + std::to_string(kind));
    case 3: throw Derived();
    case 4: throw "a string";
    case 5: throw std::make_unique<int>(5);
    default: throw 2.5;
    }
}

static std::string attempt(int depth, int kind)
{
    try {
        return "returned " + std::to_string(deep(depth, kind));
    } catch (int i) {
        return "int " + std::to_string(i);
    } catch (const std::exception &e) {
        return std::string("std::exception ") + e.what();
    } catch (const Base &b) {
        return "Base " + std::to_string(b.id());
    } catch (const char *text) {
        return std::string("text ") + text;
    } catch (std::unique_ptr<int> &p) {
        return "unique_ptr " + std::to_string(*p);
    } catch (...) {
        return "something else";
    }
}

static int again(int level)
{
    Mark mark('b');
    try {
        if (level == 0) throw std::runtime_error("bottom");
        return again(level - 1);
    } catch (const std::logic_error &) {
        return -1;
    } catch (...) {
        Mark inner('c');
        if (level < 3) throw;
        try {
            throw std::string("while handling");
        } catch (const std::string &text) {
            trail += "(" + text + ")";
        }
        throw std::logic_error("translated at " + std::to_string(level));
    }
}

struct Member {
    Mark first{'m'};
    std::vector<int> values;
    explicit Member(int n) : values(static_cast<size_t>(n), n)
    {
        Mark local('n');
        if (n > 2) throw n;
    }
};

/* An exception per step from an indirect call, as a parser would. */
static long sum_of_failures(int (*f)(int), int n)
{
    long sum = 0;
    for (int i = 0; i < n; i++) {
        try {
            sum += f(i);
        } catch (int e) {
            sum -= e;
        } catch (const std::exception &) {
            sum += 1000000;
        }
    }
    return sum;
}

static int picky(int i)
{
    if (i % 7 == 3) throw i;
    if (i % 1000 == 999) throw std::invalid_argument("thousand");
    return i;
}

int main()
{
    for (int kind = 0; kind < 7; kind++) printf("%d: %s\n", kind, attempt(kind, kind).c_str());
    printf("%s\n", trail.c_str());
    trail.clear();
    try {
        printf("%d\n", again(5));
    } catch (const std::exception &e) {
        printf("%s\n", e.what());
    }
    printf("%s\n", trail.c_str());
    trail.clear();
    std::map<int, std::unique_ptr<Member>> members;
    for (int i = 0; i < 5; i++) {
        try {
            members[i] = std::make_unique<Member>(i);
        } catch (int n) {
            printf("member %d refused\n", n);
        }
    }
    members.clear();
    printf("%s\n", trail.c_str());
    printf("%ld\n", sum_of_failures(picky, 20000));
    return 3;
}
