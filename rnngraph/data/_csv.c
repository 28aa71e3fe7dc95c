/* CSV files as tables of float32, many at a call and without the interpreter's lock, so that a thread can read while another trains.

   This does the plain cases, and leaves all others, and every error, to rnngraph/data/csv.py: nothing depends on it but time. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <fcntl.h>
#include <float.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Memory that grows: ``count`` bytes of ``room`` are used. */
typedef struct {
    char *bytes;
    size_t count, room;
} Buffer;

/* Room for so many bytes more. 0: there is no memory. */
static int grown(Buffer *buffer, size_t more)
{
    size_t needed = buffer->count + more;
    if (needed <= buffer->room)
        return 1;
    size_t room = needed > 2 * buffer->room ? needed : 2 * buffer->room;
    char *bytes = realloc(buffer->bytes, room);
    if (bytes == NULL)
        return 0;
    buffer->bytes = bytes;
    buffer->room = room;
    return 1;
}

/* Files */

/* The bytes of a regular file, in three calls of the system behind the first look. 0 where that fails, whatever the reason. */
static int content(const char *path, Buffer *text)
{
    struct stat about;
    if (stat(path, &about) < 0 || !S_ISREG(about.st_mode))
        return 0;
    size_t room = (size_t)about.st_size + 1; /* the byte behind the end stays free, else the file has grown meanwhile */
    text->count = 0;
    int file = grown(text, room) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return 0;
    ssize_t size = read(file, text->bytes, room);
    close(file);
    text->count = size < 0 ? 0 : (size_t)size;
    return size == (ssize_t)about.st_size;
}

/* "\r\n" and "\r" become "\n". */
static void with_line_feeds(Buffer *text)
{
    char *from = memchr(text->bytes, '\r', text->count), *to = from, *end = text->bytes + text->count, before = 0;
    if (from == NULL)
        return;
    while (from < end) {
        char now = *from++;
        if (now != '\n' || before != '\r')
            *to++ = now == '\r' ? '\n' : now;
        before = now;
    }
    text->count = (size_t)(to - text->bytes);
}

/* Numbers */

#define LARGEST_POWER 22 /* of ten that float64 has exactly */
#define MOST_DIGITS 19   /* that 64 bits hold whatever they are */
#define LARGEST_EXPONENT 1000
#define LARGEST 3.4028234e38 /* a little less than float32's, to which what is more may be rounded */

static const double POWERS[LARGEST_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
static const double SIGNS[2] = {1.0, -1.0};

/* m * 10^e as float32, as float() and a cast round it; 0 where that is not sure. */
static int rounded(uint64_t m, int e, int negative, float *out)
{
    double value = (double)m;
    if (m != 0) {
        if (e < -2 * LARGEST_POWER || e > LARGEST_POWER)
            return 0;
        if (e >= 0)
            value *= POWERS[e];
        else if (e >= -LARGEST_POWER)
            value /= POWERS[-e];
        else
            value = value / POWERS[LARGEST_POWER] / POWERS[-e - LARGEST_POWER];
        if (value < FLT_MIN || value > LARGEST)
            return 0;
        /* One rounding of exact numbers gives the nearest float64. Several are off by some units in the last place, which does not matter
           unless the 29 bits that float32 does not have are next to the middle between two float32. */
        if (m >> 53 || e < -LARGEST_POWER || FLT_EVAL_METHOD != 0) {
            uint64_t bits;
            memcpy(&bits, &value, sizeof bits);
            int64_t beyond = (int64_t)(bits & ((1u << 29) - 1)) - (1 << 28);
            if (beyond >= -16 && beyond <= 16)
                return 0;
        }
    }
    *out = (float)(value * SIGNS[negative]); /* signs come as they like: a branch would be guessed wrong half the time */
    return 1;
}

static int is_digit(unsigned char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Of many digits with one point at most: the first that count, as many as 64 bits hold, and the power of ten that goes with them. */
static void shortened(const unsigned char *p, const unsigned char *end, uint64_t *m, int *e)
{
    int digits = 0, behind = 0;
    for (*m = 0, *e = 0; p < end; p++)
        if (*p == '.')
            behind = 1;
        else if (digits < MOST_DIGITS) {
            *m = *m * 10 + (*p - '0');
            digits += *m != 0;
            *e -= behind;
        } else
            *e += !behind;
}

/* The number at p, in front of a delimiter, "\n" or the end: its value, and where it ends. NULL where it is not plain: blanks in front or
   none, a sign or none, digits with one point at most, an exponent or none, and its float32 is sure. */
static const unsigned char *plain(const unsigned char *p, const unsigned char *end, unsigned char delimiter, float *out)
{
    uint64_t m = 0;
    int e = 0, exponent = 0, down = 0;
    while (p < end && *p == ' ' && delimiter != ' ')
        p++;
    if (p == end)
        return NULL;
    int negative = *p == '-';
    p += negative | (*p == '+');
    const unsigned char *first = p, *point = NULL;
    for (; p < end && is_digit(*p); p++)
        m = m * 10 + (*p - '0');
    if (p < end && *p == '.') {
        point = p++;
        for (; p < end && is_digit(*p); p++)
            m = m * 10 + (*p - '0');
        if (p - point > LARGEST_EXPONENT)
            return NULL;
        e = (int)(point + 1 - p);
    }
    Py_ssize_t digits = p - first - (point != NULL);
    if (digits == 0 || digits > LARGEST_EXPONENT)
        return NULL;
    if (digits > MOST_DIGITS)
        shortened(first, p, &m, &e);
    if (p < end && (*p | 32) == 'e') {
        p++;
        if (p < end && (*p == '-' || *p == '+'))
            down = *p++ == '-';
        if (p == end || !is_digit(*p))
            return NULL;
        for (; p < end && is_digit(*p); p++)
            if ((exponent = exponent * 10 + (*p - '0')) > LARGEST_EXPONENT)
                return NULL;
        e += down ? -exponent : exponent;
    }
    if (p < end && *p != delimiter && *p != '\n')
        return NULL;
    return rounded(m, e, negative, out) ? p : NULL;
}

/* A field that is not plain: of which file, where it stands among the kept ones, how long it is, and the place of its value. */
typedef struct {
    Py_ssize_t file, at, size, place;
} Odd;

/* What is made of all files: values, column by column of each file; lines and columns of each, 0 and 0 where it is left to the caller; the
   fields that are not plain, whose value is 0, and their characters. */
typedef struct {
    Buffer values, odds, kept;
    Py_ssize_t *shapes;
} Tables;

static Py_ssize_t occurrences(unsigned char what, const unsigned char *p, const unsigned char *end)
{
    Py_ssize_t count = 0;
    for (; p < end && (p = memchr(p, what, (size_t)(end - p))) != NULL; p++)
        count++;
    return count;
}

/* The field at p, which ends at a delimiter, at "\n" or at the end, to be read by the caller; where it ends, NULL without memory. */
static const unsigned char *odd(Tables *made, Odd one, const unsigned char *p, const unsigned char *end, unsigned char delimiter)
{
    const unsigned char *stop = p;
    while (stop < end && *stop != delimiter && *stop != '\n')
        stop++;
    one.at = (Py_ssize_t)made->kept.count;
    one.size = stop - p;
    if (!grown(&made->odds, sizeof one) || !grown(&made->kept, (size_t)one.size))
        return NULL;
    memcpy(made->odds.bytes + made->odds.count, &one, sizeof one);
    if (one.size > 0)
        memcpy(made->kept.bytes + made->kept.count, p, (size_t)one.size);
    made->odds.count += sizeof one;
    made->kept.count += (size_t)one.size;
    return stop;
}

/* The table in a text, lines of which the last has no end. 0: there is no memory. */
static int add_table(Tables *made, Py_ssize_t file, const unsigned char *p, const unsigned char *end, unsigned char delimiter)
{
    const unsigned char *stop = memchr(p, '\n', (size_t)(end - p));
    Py_ssize_t lines = occurrences('\n', p, end) + 1, columns = occurrences(delimiter, p, stop == NULL ? end : stop) + 1;
    if (p >= end || columns > ((end - p) / 2 + 1) / lines) /* a table of so many fields would be longer */
        return 1;
    if (!grown(&made->values, (size_t)(lines * columns) * sizeof(float)))
        return 0;
    Py_ssize_t first = (Py_ssize_t)(made->values.count / sizeof(float));
    size_t odds = made->odds.count, kept = made->kept.count;
    float *values = (float *)made->values.bytes;
    for (Py_ssize_t line = 0; line < lines; line++)
        for (Py_ssize_t column = 0; column < columns; column++, p = stop + 1) {
            Py_ssize_t place = first + column * lines + line;
            stop = plain(p, end, delimiter, &values[place]);
            if (stop == NULL) {
                values[place] = 0;
                stop = odd(made, (Odd){file, 0, 0, place}, p, end, delimiter);
                if (stop == NULL)
                    return 0;
            }
            if ((stop == end || *stop == '\n') != (column == columns - 1)) { /* lines differ in length */
                made->odds.count = odds;
                made->kept.count = kept;
                return 1;
            }
        }
    made->values.count += (size_t)(lines * columns) * sizeof(float);
    made->shapes[2 * file] = lines;
    made->shapes[2 * file + 1] = columns;
    return 1;
}

/* The table behind the first ``skipped`` lines of a file. 0: there is no memory. */
static int add_file(Tables *made, Py_ssize_t file, const char *path, Py_ssize_t skipped, unsigned char delimiter, Buffer *text)
{
    if (!content(path, text))
        return 1;
    with_line_feeds(text);
    const char *p = text->bytes, *end = p + text->count;
    while (end > p && end[-1] == '\n')
        end--;
    for (; skipped > 0; skipped--, p++)
        if (p >= end || (p = memchr(p, '\n', (size_t)(end - p))) == NULL)
            return 1;
    return add_table(made, file, (const unsigned char *)p, (const unsigned char *)end, delimiter);
}

/* Python */

/* (values, shapes, odds) of what was made. */
static PyObject *told(const Tables *made, Py_ssize_t files)
{
    Py_ssize_t count = (Py_ssize_t)(made->odds.count / sizeof(Odd));
    PyObject *values = PyByteArray_FromStringAndSize(made->values.bytes, (Py_ssize_t)made->values.count);
    PyObject *shapes = PyList_New(files), *odds = PyList_New(count), *result = NULL;
    if (values == NULL || shapes == NULL || odds == NULL)
        goto end;
    for (Py_ssize_t k = 0; k < files; k++) {
        PyObject *shape = Py_BuildValue("nn", made->shapes[2 * k], made->shapes[2 * k + 1]);
        if (shape == NULL || PyList_SetItem(shapes, k, shape) < 0)
            goto end;
    }
    for (Py_ssize_t k = 0; k < count; k++) {
        Odd one;
        memcpy(&one, made->odds.bytes + (size_t)k * sizeof one, sizeof one);
        PyObject *field = one.size ? PyBytes_FromStringAndSize(made->kept.bytes + one.at, one.size) : PyBytes_FromStringAndSize("", 0);
        PyObject *item = Py_BuildValue("nNn", one.file, field, one.place);
        if (item == NULL || PyList_SetItem(odds, k, item) < 0)
            goto end;
    }
    result = PyTuple_Pack(3, values, shapes, odds);
end:
    Py_XDECREF(values);
    Py_XDECREF(shapes);
    Py_XDECREF(odds);
    return result;
}

/* The encoded names of a sequence of paths. */
static PyObject *encoded(PyObject *paths)
{
    PyObject *names = PySequence_List(paths); /* which nobody else changes */
    for (Py_ssize_t k = 0; names != NULL && k < PyList_Size(names); k++) {
        PyObject *name;
        if (!PyUnicode_FSConverter(PyList_GetItem(names, k), &name) || PyList_SetItem(names, k, name) < 0)
            Py_CLEAR(names);
    }
    return names;
}

static PyObject *tables(PyObject *self, PyObject *args)
{
    PyObject *paths, *names, *result = NULL;
    Py_ssize_t skipped;
    unsigned char delimiter;
    (void)self;
    if (!PyArg_ParseTuple(args, "Onb", &paths, &skipped, &delimiter) || (names = encoded(paths)) == NULL)
        return NULL;
    Py_ssize_t files = PyList_Size(names);
    Buffer text = {NULL, 0, 0};
    Tables made = {{NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}, calloc(2 * (size_t)files + 1, sizeof(Py_ssize_t))};
    const char **starts = malloc(((size_t)files + 1) * sizeof *starts);
    int enough = made.shapes != NULL && starts != NULL;
    for (Py_ssize_t k = 0; k < files && enough; k++)
        starts[k] = PyBytes_AsString(PyList_GetItem(names, k));
    Py_BEGIN_ALLOW_THREADS
    for (Py_ssize_t k = 0; k < files && enough; k++)
        enough = add_file(&made, k, starts[k], skipped, delimiter, &text);
    Py_END_ALLOW_THREADS
    result = enough ? told(&made, files) : PyErr_NoMemory();
    free(starts);
    free(text.bytes);
    free(made.values.bytes);
    free(made.odds.bytes);
    free(made.kept.bytes);
    free(made.shapes);
    Py_DECREF(names);
    return result;
}

static PyMethodDef METHODS[] = {{"tables", tables, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef MODULE = {PyModuleDef_HEAD_INIT, "_csv", NULL, 0, METHODS, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__csv(void)
{
    return PyModule_Create(&MODULE);
}
