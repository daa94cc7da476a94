"""Bookings as they are asked for and answered: what is free, the slip, and what must be booked anew."""
