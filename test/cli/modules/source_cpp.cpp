// A division by zero three calls deep, the innermost inlined, for the backtrace. Made by build-source.
namespace shop {

static inline int quotient(int a, int b)
{
    return a / b;
}

struct Cake {
    int pieces;
    __attribute__((noinline)) int share(int people) const;
};

int Cake::share(int people) const
{
    return quotient(pieces, people) + 1;
}

} // namespace shop

extern "C" __attribute__((export_name("run"))) int run(int people)
{
    shop::Cake cake = {12};
    return cake.share(people);
}
